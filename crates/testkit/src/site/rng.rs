//! Randomness for tests: what fails prints the seed that repeats it (`SIGRA_TEST_SEMILLA=…`), where the
//! test runs alone.
#![allow(clippy::disallowed_methods)]

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, OnceLock, PoisonError},
};

use sigra_store::Env;

/// What is random on the server under test. Each call gives another generator, so that two sites, two
/// nodes of one, or one that starts again on its database never draw the same.
pub fn seeded_env() -> Env {
    Env::seeded(next_seed())
}

/// Made from the seed of the process, the test (whose name its thread has) and how many it made before.
fn next_seed() -> u64 {
    static OF_THE_PROCESS: OnceLock<u64> = OnceLock::new();
    static MADE: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
    let seed = *OF_THE_PROCESS.get_or_init(|| {
        std::env::var("SIGRA_TEST_SEMILLA").map_or_else(
            |_| u64::from_le_bytes(Env::default().random()),
            |s| s.parse().expect("SIGRA_TEST_SEMILLA es un número"),
        )
    });
    println!("SIGRA_TEST_SEMILLA={seed}");
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let mut hasher = DefaultHasher::new();
    (seed, &test).hash(&mut hasher);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let n = made.entry(test).or_default();
    *n += 1;
    n.hash(&mut hasher);
    hasher.finish()
}

pub struct Rng(Env);

impl Rng {
    pub fn new() -> Self {
        Self(seeded_env())
    }

    /// Of what a test need not repeat.
    pub fn silent() -> Self {
        Self(Env::default())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.0.random())
    }

    /// 0 to `n` − 1.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.u64() % n as u64).expect("cabe")
    }

    /// From `desde` to `hasta` − 1.
    pub fn between(&mut self, desde: usize, hasta: usize) -> usize {
        desde + self.below(hasta - desde)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&mut self, de: &'a [T]) -> &'a T {
        &de[self.below(de.len())]
    }

    /// From −`max` to `max`, with all the digits that a double has.
    #[allow(clippy::cast_precision_loss)]
    pub fn decimal(&mut self, max: f64) -> f64 {
        (self.u64() as f64 / u64::MAX as f64).mul_add(2.0, -1.0) * max
    }
}

/// A random v4 uuid.
pub fn uuid() -> String {
    uuid::Builder::from_random_bytes(Env::default().random())
        .into_uuid()
        .to_string()
}

/// A number below `n`, of what a test need not repeat.
pub fn random_below(n: usize) -> usize {
    Rng::silent().below(n)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_site_of_a_test_draws_something_else() {
        let drawn: HashSet<[u8; 16]> = (0..100).map(|_| seeded_env().random()).collect();
        assert_eq!(drawn.len(), 100);
        // And in a thread of another name.
        let other = std::thread::spawn(|| seeded_env().random()).join().unwrap();
        assert!(!drawn.contains(&other));
    }
}
