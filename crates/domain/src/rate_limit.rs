//! How many calls are let through: a token bucket, kept as one moment (GCRA, the Generic Cell Rate
//! Algorithm of ITU-T I.371): the time at which the bucket will be full again.

use crate::Instante;

/// So many calls a minute, all of which may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    /// More than 0.
    por_minuto: i64,
}

/// What a call is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateDecision {
    /// When the bucket will be full; what is kept until the next call.
    pub lleno: Instante,
    /// Whether it is let through; if not, nothing changed.
    pub pasa: bool,
    /// Calls that would be let through now.
    pub quedan: i64,
    /// Seconds until the next call is let through, or until the bucket is full, at least 1 when there
    /// is something to wait for.
    pub espera_s: i64,
}

const MINUTE: i64 = 60_000;

impl Gcra {
    /// `None` when there is no limit (0).
    pub fn new(por_minuto: i64) -> Option<Self> {
        (por_minuto > 0).then_some(Self { por_minuto })
    }

    pub fn per_minute(self) -> i64 {
        self.por_minuto
    }

    /// A call now; `lleno` as the last one left it.
    pub fn check(self, lleno: Option<Instante>, now: Instante) -> RateDecision {
        // In milliseconds times the rate, so that nothing is lost to division.
        let escala = |ms: i64| ms.saturating_mul(self.por_minuto);
        let falta = lleno.map_or(0, |t| {
            escala(t.0.saturating_sub(now.0)).clamp(0, escala(MINUTE))
        });
        let despues = falta + MINUTE;
        let pasa = despues <= escala(MINUTE);
        let falta = if pasa { despues } else { falta };
        let quedan = (escala(MINUTE) - falta) / MINUTE;
        let en_ms = |n: i64| n.div_euclid(self.por_minuto) + i64::from(n % self.por_minuto > 0);
        let espera_ms = if pasa {
            en_ms(falta)
        } else {
            en_ms(despues - escala(MINUTE))
        };
        RateDecision {
            lleno: now.plus(en_ms(falta)),
            pasa,
            quedan,
            espera_s: (espera_ms + 999) / 1_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_then_one_at_a_time() {
        let limiter = Gcra::new(3).unwrap();
        let mut lleno = None;
        for (ms, pasa, quedan) in [
            (0, true, 2),
            (0, true, 1),
            (0, true, 0),
            (0, false, 0),
            (19_999, false, 0),
            (20_000, true, 0),
            (60_000, true, 1),
            (1_000_000, true, 2),
        ] {
            let paso = limiter.check(lleno, Instante(ms));
            assert_eq!((paso.pasa, paso.quedan), (pasa, quedan), "{ms}: {paso:?}");
            lleno = Some(paso.lleno);
        }
        assert_eq!(Gcra::new(0), None);
    }

    proptest! {
        /// Whoever waits as told is let through, and nobody gets more than the bucket and its refill.
        #[test]
        fn waiting_helps_and_the_limit_holds(
            por_minuto in 1..1_000_i64, pausas in prop::collection::vec(0..30_000_i64, 1..200),
        ) {
            let limiter = Gcra::new(por_minuto).unwrap();
            let (mut now, mut lleno, mut pasadas) = (0, None, 0);
            for pausa in pausas {
                now += pausa;
                let paso = limiter.check(lleno, Instante(now));
                lleno = Some(paso.lleno);
                if paso.pasa {
                    pasadas += 1;
                } else {
                    prop_assert!(paso.espera_s >= 1);
                    let luego = limiter.check(lleno, Instante(now + paso.espera_s * 1_000));
                    prop_assert!(luego.pasa, "{paso:?} {luego:?}");
                }
            }
            prop_assert!(pasadas <= por_minuto + por_minuto * now / MINUTE + 1);
        }
    }
}
