//! How long to wait after a failure.

use std::time::Duration;

/// Exponential back-off with full jitter: any wait from zero to a bound that doubles with each
/// failure, so that a thousand phones that lost the same server do not come back together.
#[derive(Clone, Debug)]
pub(crate) struct Espera {
    base: Duration,
    techo: Duration,
    fallos: u32,
}

/// A server that asks for more is not believed.
const MAX_PEDIDA: Duration = Duration::from_hours(24);

impl Espera {
    pub(crate) fn nueva(base: Duration, techo: Duration) -> Self {
        Self {
            base,
            techo,
            fallos: 0,
        }
    }

    /// The wait after one more failure: never less than what the server asked for (`pedida`, from
    /// `Retry-After`), to which the jitter is added for the same reason.
    pub(crate) fn fallo(&mut self, azar: u64, pedida: Option<Duration>) -> Duration {
        let doble = 2_u32.saturating_pow(self.fallos);
        let tope = self.base.saturating_mul(doble).min(self.techo);
        self.fallos = self.fallos.saturating_add(1);
        let nanos = u64::try_from(tope.as_nanos()).unwrap_or(u64::MAX);
        let propia = Duration::from_nanos(azar % nanos.saturating_add(1).max(1));
        pedida.unwrap_or_default().min(MAX_PEDIDA) + propia
    }

    pub(crate) fn exito(&mut self) {
        self.fallos = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Espera;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn the_bound_doubles_up_to_the_ceiling_and_starts_again_after_a_success() {
        let mut e = Espera::nueva(S, 5 * S);
        // The highest value there is for each bound of nanoseconds.
        let tope = |e: &mut Espera, s: u64| e.fallo(s * 1_000_000_000, None);
        for s in [1, 2, 4, 5, 5] {
            assert_eq!(tope(&mut e, s), Duration::from_secs(s));
        }
        e.exito();
        assert_eq!(tope(&mut e, 1), S);
        // One more would be past the bound: it turns over.
        assert_eq!(e.fallo(2_000_000_001, None), Duration::ZERO);
    }

    #[test]
    fn never_earlier_than_asked() {
        for azar in [0, 1, 999_999_999, u64::MAX] {
            let mut e = Espera::nueva(S, 300 * S);
            let espera = e.fallo(azar, Some(30 * S));
            assert!((30 * S..=31 * S).contains(&espera), "{espera:?}");
        }
        let mut e = Espera::nueva(S, 300 * S);
        assert_eq!(e.fallo(0, Some(Duration::MAX)), Duration::from_hours(24));
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let mut e = Espera::nueva(S, 300 * S);
        for _ in 0..100 {
            assert!(e.fallo(u64::MAX, None) <= 300 * S);
        }
        assert_eq!(
            Espera::nueva(Duration::ZERO, S).fallo(7, None),
            Duration::ZERO
        );
    }
}
