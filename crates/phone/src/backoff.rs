//! How long to wait after a failure.

use std::time::Duration;

/// Exponential back-off with full jitter: any wait from zero to a bound that doubles with each
/// failure, so that a thousand phones that lost the same server do not come back together.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    base: Duration,
    techo: Duration,
    fallos: u32,
}

/// A server that asks for more is not believed.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

impl Backoff {
    pub(crate) fn new(base: Duration, techo: Duration) -> Self {
        Self {
            base,
            techo,
            fallos: 0,
        }
    }

    /// The wait after one more failure: never less than what the server asked for (`pedida`, from
    /// `Retry-After`), to which the jitter is added for the same reason.
    pub(crate) fn failure(&mut self, azar: u64, pedida: Option<Duration>) -> Duration {
        let doble = 2_u32.saturating_pow(self.fallos);
        let limit = self.base.saturating_mul(doble).min(self.techo);
        self.fallos = self.fallos.saturating_add(1);
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let propia = Duration::from_nanos(azar % nanos.saturating_add(1).max(1));
        pedida.unwrap_or_default().min(MAX_RETRY_AFTER) + propia
    }

    pub(crate) fn success(&mut self) {
        self.fallos = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_bound_doubles_up_to_the_ceiling_and_starts_again_after_a_success() {
        let mut e = Backoff::new(SECOND, 5 * SECOND);
        // The highest value there is for each bound of nanoseconds.
        let limit = |e: &mut Backoff, s: u64| e.failure(s * 1_000_000_000, None);
        for s in [1, 2, 4, 5, 5] {
            assert_eq!(limit(&mut e, s), Duration::from_secs(s));
        }
        e.success();
        assert_eq!(limit(&mut e, 1), SECOND);
        // One more would be past the bound: it turns over.
        assert_eq!(e.failure(2_000_000_001, None), Duration::ZERO);
    }

    #[test]
    fn never_earlier_than_asked() {
        for azar in [0, 1, 999_999_999, u64::MAX] {
            let mut e = Backoff::new(SECOND, 300 * SECOND);
            let delay = e.failure(azar, Some(30 * SECOND));
            assert!((30 * SECOND..=31 * SECOND).contains(&delay), "{delay:?}");
        }
        let mut e = Backoff::new(SECOND, 300 * SECOND);
        assert_eq!(e.failure(0, Some(Duration::MAX)), Duration::from_hours(24));
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let mut e = Backoff::new(SECOND, 300 * SECOND);
        for _ in 0..100 {
            assert!(e.failure(u64::MAX, None) <= 300 * SECOND);
        }
        assert_eq!(
            Backoff::new(Duration::ZERO, SECOND).failure(7, None),
            Duration::ZERO
        );
    }
}
