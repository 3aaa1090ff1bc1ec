//! Dice for tests: what fails prints the seed that repeats it (`SIGRA_TEST_SEMILLA=…`).

use sigra_store::Env;

pub struct Rng(u64);

impl Rng {
    pub fn new() -> Self {
        let dicha = std::env::var("SIGRA_TEST_SEMILLA").ok();
        let semilla = dicha.map_or_else(
            || u64::from_le_bytes(Env::default().random()),
            |s| s.parse().expect("SIGRA_TEST_SEMILLA es un número"),
        );
        println!("SIGRA_TEST_SEMILLA={semilla}");
        Self(semilla)
    }

    /// Of what a test need not repeat.
    pub fn silent() -> Self {
        Self(u64::from_le_bytes(Env::default().random()))
    }

    /// SplitMix64.
    pub fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
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
