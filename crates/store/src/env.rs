//! The clock and the randomness: the only place that asks the machine for either, so that a test
//! can set both and `clippy.toml` can forbid them everywhere else.
#![allow(clippy::disallowed_methods)]

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Instant,
};

use sigra_domain::Instante;

/// What the outside decides: the moment and what is random. Cheap to clone; clones share both.
///
/// [`Env::default`] is what production has, and no setting leads to another.
#[derive(Clone, Default)]
pub struct Env {
    /// Added to the machine's clock, in milliseconds; only tests move it.
    offset: Arc<AtomicI64>,
    /// `None`: the operating system's generator.
    seeded: Option<Arc<AtomicU64>>,
}

impl Env {
    /// For tests, as `clippy.toml` sees to: the same seed gives the same bytes again. Whoever knows it
    /// knows every secret made from it.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seeded: Some(Arc::new(AtomicU64::new(seed))),
            ..Self::default()
        }
    }

    /// The moment now.
    pub fn now(&self) -> Instante {
        let ms = jiff::Timestamp::now().as_millisecond();
        Instante(ms.saturating_add(self.offset.load(Ordering::Relaxed)))
    }

    /// Moves this environment's clock, for tests of time limits.
    pub fn advance(&self, ms: i64) {
        self.offset.fetch_add(ms, Ordering::Relaxed);
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
        match &self.seeded {
            None => getrandom::fill(&mut bytes).expect("the operating system gives random bytes"),
            Some(state) => {
                for chunk in bytes.chunks_mut(8) {
                    let next = split_mix_64(state).to_le_bytes();
                    chunk.copy_from_slice(&next[..chunk.len()]);
                }
            }
        }
        bytes
    }

    /// A random integer of 63 bits.
    pub fn random_i64(&self) -> i64 {
        i64::from_le_bytes(self.random()) & i64::MAX
    }
}

/// <https://prng.di.unimi.it/splitmix64.c>. Threads that share the state draw different numbers.
fn split_mix_64(state: &AtomicU64) -> u64 {
    const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = state
        .fetch_add(GAMMA, Ordering::Relaxed)
        .wrapping_add(GAMMA);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_repeats_what_was_drawn() {
        let (one, again, other) = (Env::seeded(7), Env::seeded(7), Env::seeded(8));
        let drawn: [u8; 37] = one.random();
        assert_eq!(drawn, again.random());
        assert_ne!(drawn, other.random());
        assert_eq!(one.random_i64(), again.random_i64());
        // The reference implementation's first, of the seed 1234567.
        let first = u64::from_le_bytes(Env::seeded(1_234_567).random());
        assert_eq!(first, 6_457_827_717_110_365_317);
    }

    #[test]
    fn clones_share_the_generator_and_never_draw_the_same() {
        let env = Env::seeded(1);
        let threads: Vec<_> = (0..4)
            .map(|_| env.clone())
            .map(|env| {
                std::thread::spawn(move || (0..1000).map(|_| env.random_i64()).collect::<Vec<_>>())
            })
            .collect();
        let drawn: HashSet<i64> = threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect();
        assert_eq!(drawn.len(), 4000);
    }

    #[test]
    fn by_default_nothing_repeats() {
        assert_ne!(Env::default().random::<16>(), Env::default().random());
        assert_eq!(format!("{:?}", Env::default()), "Env");
    }
}
