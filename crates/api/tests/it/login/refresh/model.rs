//! The rule of refresh tokens in memory, and random sequences held against it.

use super::{me, open_token_family};
use crate::login::text;
use sigra_testkit::{TestSite, run_concurrently};

/// Milliseconds within which a replaced token gives the same successor.
const GRACE_PERIOD: i64 = 60_000;

#[derive(Clone, Copy, Debug)]
enum TokenState {
    Vigente,
    /// Between these two moments, by that token.
    Reemplazado {
        entre: (i64, i64),
        por: usize,
    },
    Anulado,
}

/// What a use must give.
#[derive(Debug, PartialEq)]
enum ExpectedUse {
    Nuevo,
    Mismo(usize),
    Nada,
    /// The request came too near to the 60 s for the model to know.
    Quizas,
}

struct TokenFamily {
    tokens: Vec<(String, TokenState)>,
    cerrada: bool,
}

impl TokenFamily {
    /// What the contract says of a use between two moments; a theft closes the family.
    fn use_token(&mut self, i: usize, entre: (i64, i64)) -> ExpectedUse {
        if self.cerrada {
            return ExpectedUse::Nada;
        }
        match self.tokens[i].1 {
            TokenState::Vigente => ExpectedUse::Nuevo,
            TokenState::Reemplazado {
                entre: (desde, hasta),
                por,
            } => {
                if entre.1 - desde <= GRACE_PERIOD {
                    ExpectedUse::Mismo(por)
                } else if entre.0 - hasta <= GRACE_PERIOD {
                    ExpectedUse::Quizas
                } else if matches!(self.tokens[por].1, TokenState::Vigente) {
                    self.tokens[por].1 = TokenState::Anulado;
                    ExpectedUse::Nuevo
                } else {
                    self.cerrada = true;
                    ExpectedUse::Nada
                }
            }
            TokenState::Anulado => {
                self.cerrada = true;
                ExpectedUse::Nada
            }
        }
    }
}

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).expect("cabe")
    }
}

/// One random sequence; how many thefts it came to.
pub async fn run(sitio: &TestSite, semilla: u64) -> usize {
    let mut azar = Rng(semilla);
    let (persona, t0) = open_token_family(sitio).await;
    let mut f = TokenFamily {
        tokens: vec![(t0, TokenState::Vigente)],
        cerrada: false,
    };
    for paso in 0..24 {
        // 25 s apart, no sum of them comes near to 60 s.
        sitio
            .store
            .env()
            .advance([0, 0, 25_000, 50_000, 75_000, 3_600_000][azar.below(6)]);
        let ultimo = f.tokens.len() - 1;
        let i = match azar.below(20) {
            0..=11 => ultimo,
            12..=17 => ultimo.saturating_sub(1),
            _ => azar.below(f.tokens.len()),
        };
        let cuantos = [1, 1, 1, 4][azar.below(4)];
        let cuerpo = serde_json::json!({"refresh_token": f.tokens[i].0});
        let antes = sitio.store.env().now().0;
        let rs = run_concurrently(
            (0..cuantos).map(|_| sitio.request("POST", "/auth/refresh").json(&cuerpo).send()),
        )
        .await;
        let entre = (antes, sitio.store.env().now().0);
        let espera = f.use_token(i, entre);
        let que = format!("semilla {semilla}, paso {paso}: token {i} dio {rs:?}");
        let dados: Vec<Option<&str>> = rs
            .iter()
            .map(|r| r.json["refresh_token"].as_str())
            .collect();
        assert!(dados.iter().all(|d| *d == dados[0]), "{que}");
        match espera {
            ExpectedUse::Quizas => return 0,
            ExpectedUse::Nada => assert!(rs.iter().all(|r| r.code() == "sesion_cerrada"), "{que}"),
            ExpectedUse::Mismo(por) => {
                assert_eq!(dados[0], Some(f.tokens[por].0.as_str()), "{que}");
            }
            ExpectedUse::Nuevo => {
                let nuevo = dados[0].unwrap_or_else(|| panic!("{que}")).to_owned();
                assert!(f.tokens.iter().all(|(t, _)| *t != nuevo), "{que}");
                f.tokens.push((nuevo, TokenState::Vigente));
                let por = f.tokens.len() - 1;
                f.tokens[i].1 = TokenState::Reemplazado { entre, por };
                me(sitio, text(&rs[0].json, "access_token"))
                    .await
                    .expect_status(200, "");
            }
        }
        if f.cerrada && azar.below(3) == 0 {
            break;
        }
    }
    // A token made now, so that only the session's fate is in question.
    let token = persona.issue_token(&sitio.tokens, sitio.store.env());
    let r = me(sitio, &token).await;
    assert_eq!(
        r.status,
        if f.cerrada { 401 } else { 200 },
        "semilla {semilla}"
    );
    usize::from(f.cerrada)
}
