//! The rule of refresh tokens in memory, and random sequences held against it.

use super::{familia, yo};
use crate::{
    arnes::{Sitio, a_la_vez},
    login::texto,
};

/// Milliseconds within which a replaced token gives the same successor.
const GRACIA: i64 = 60_000;

#[derive(Clone, Copy, Debug)]
enum Estado {
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
enum Espera {
    Nuevo,
    Mismo(usize),
    Nada,
    /// The request came too near to the 60 s for the model to know.
    Quizas,
}

struct Familia {
    tokens: Vec<(String, Estado)>,
    cerrada: bool,
}

impl Familia {
    /// What the contract says of a use between two moments; a theft closes the family.
    fn usa(&mut self, i: usize, entre: (i64, i64)) -> Espera {
        if self.cerrada {
            return Espera::Nada;
        }
        match self.tokens[i].1 {
            Estado::Vigente => Espera::Nuevo,
            Estado::Reemplazado {
                entre: (desde, hasta),
                por,
            } => {
                if entre.1 - desde <= GRACIA {
                    Espera::Mismo(por)
                } else if entre.0 - hasta <= GRACIA {
                    Espera::Quizas
                } else if matches!(self.tokens[por].1, Estado::Vigente) {
                    self.tokens[por].1 = Estado::Anulado;
                    Espera::Nuevo
                } else {
                    self.cerrada = true;
                    Espera::Nada
                }
            }
            Estado::Anulado => {
                self.cerrada = true;
                Espera::Nada
            }
        }
    }
}

/// SplitMix64.
struct Azar(u64);

impl Azar {
    fn menor_que(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).expect("cabe")
    }
}

/// One random sequence; how many thefts it came to.
pub async fn corre(sitio: &Sitio, semilla: u64) -> usize {
    let mut azar = Azar(semilla);
    let (persona, t0) = familia(sitio).await;
    let mut f = Familia {
        tokens: vec![(t0, Estado::Vigente)],
        cerrada: false,
    };
    for paso in 0..24 {
        // 25 s apart, no sum of them comes near to 60 s.
        sitio
            .store
            .entorno()
            .adelanta([0, 0, 25_000, 50_000, 75_000, 3_600_000][azar.menor_que(6)]);
        let ultimo = f.tokens.len() - 1;
        let i = match azar.menor_que(20) {
            0..=11 => ultimo,
            12..=17 => ultimo.saturating_sub(1),
            _ => azar.menor_que(f.tokens.len()),
        };
        let cuantos = [1, 1, 1, 4][azar.menor_que(4)];
        let cuerpo = serde_json::json!({"refresh_token": f.tokens[i].0});
        let antes = sitio.store.entorno().ahora().0;
        let rs = a_la_vez(
            (0..cuantos).map(|_| sitio.pide("POST", "/auth/refresh").json(&cuerpo).envia()),
        )
        .await;
        let entre = (antes, sitio.store.entorno().ahora().0);
        let espera = f.usa(i, entre);
        let que = format!("semilla {semilla}, paso {paso}: token {i} dio {rs:?}");
        let dados: Vec<Option<&str>> = rs
            .iter()
            .map(|r| r.json["refresh_token"].as_str())
            .collect();
        assert!(dados.iter().all(|d| *d == dados[0]), "{que}");
        match espera {
            Espera::Quizas => return 0,
            Espera::Nada => assert!(rs.iter().all(|r| r.codigo() == "sesion_cerrada"), "{que}"),
            Espera::Mismo(por) => assert_eq!(dados[0], Some(f.tokens[por].0.as_str()), "{que}"),
            Espera::Nuevo => {
                let nuevo = dados[0].unwrap_or_else(|| panic!("{que}")).to_owned();
                assert!(f.tokens.iter().all(|(t, _)| *t != nuevo), "{que}");
                f.tokens.push((nuevo, Estado::Vigente));
                let por = f.tokens.len() - 1;
                f.tokens[i].1 = Estado::Reemplazado { entre, por };
                yo(sitio, texto(&rs[0].json, "access_token"))
                    .await
                    .espera(200, "");
            }
        }
        if f.cerrada && azar.menor_que(3) == 0 {
            break;
        }
    }
    // A token made now, so that only the session's fate is in question.
    let sesion = persona.sesion_id;
    let token = sitio.tokens.emite(
        sitio.store.entorno(),
        &persona.quien,
        sesion,
        sigra_api::AUD_API,
    );
    let r = yo(sitio, &token.expect("token")).await;
    assert_eq!(
        r.status,
        if f.cerrada { 401 } else { 200 },
        "semilla {semilla}"
    );
    usize::from(f.cerrada)
}
