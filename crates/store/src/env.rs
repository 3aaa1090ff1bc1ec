//! The clock and the randomness: the only place that asks the machine for either, so that a test
//! can set both and `clippy.toml` can forbid them everywhere else.
#![allow(clippy::disallowed_methods)]

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use sigra_domain::Instante;

/// What the outside decides: the moment and the dice. Cheap to clone.
#[derive(Clone, Default)]
pub struct Env {
    /// Added to the machine's clock, in milliseconds; only tests move it.
    adelanto: Arc<AtomicI64>,
}

impl Env {
    /// The moment now.
    pub fn now(&self) -> Instante {
        let ms = jiff::Timestamp::now().as_millisecond();
        Instante(ms.saturating_add(self.adelanto.load(Ordering::Relaxed)))
    }

    /// Moves this environment's clock, for tests of time limits.
    pub fn advance(&self, ms: i64) {
        self.adelanto.fetch_add(ms, Ordering::Relaxed);
    }

    /// A stopwatch, for durations only.
    pub fn monotonic_now() -> Instant {
        Instant::now()
    }

    /// `N` bytes from the operating system's generator. Without them nothing secret could be made,
    /// and no machine that SIGRA runs on lacks them after boot.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    #[allow(clippy::expect_used)]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }

    /// A random integer of 63 bits.
    pub fn random_i64(&self) -> i64 {
        i64::from_le_bytes(self.random()) & i64::MAX
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entorno")
    }
}
