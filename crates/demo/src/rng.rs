//! The demo's dice.

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same on every machine, so that a run
/// can be repeated from its seed. Nothing secret comes from it; that comes from `Env`.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(semilla: u64) -> Self {
        Self(semilla)
    }

    pub(super) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Dice of their own for somebody, however often others throw theirs.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next_u64())
    }

    /// One of `0..n`; 0 when `n` is 0. The bias of the remainder is far below what a demo shows.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next_u64().checked_rem(n).unwrap_or(0)
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_published_sequence() {
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn no_sides() {
        assert_eq!(Rng::new(1).below(0), 0);
    }
}
