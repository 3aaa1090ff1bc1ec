//! The demo's dice.

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same on every machine, so that a run
/// can be repeated from its seed. Nothing secret comes from it; that comes from `Entorno`.
#[derive(Clone, Debug)]
pub(super) struct Dado(u64);

impl Dado {
    pub(super) fn nuevo(semilla: u64) -> Self {
        Self(semilla)
    }

    pub(super) fn tira(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Dice of their own for somebody, however often others throw theirs.
    pub(super) fn otro(&mut self) -> Self {
        Self(self.tira())
    }

    /// One of `0..n`; 0 when `n` is 0. The bias of the remainder is far below what a demo shows.
    pub(super) fn menor_que(&mut self, n: u64) -> u64 {
        self.tira().checked_rem(n).unwrap_or(0)
    }

    pub(super) fn una_de_cada(&mut self, n: u64) -> bool {
        self.menor_que(n) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Dado;

    #[test]
    fn the_published_sequence() {
        let mut dado = Dado::nuevo(1_234_567);
        assert_eq!(dado.tira(), 6_457_827_717_110_365_317);
        assert_eq!(dado.tira(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn no_sides() {
        assert_eq!(Dado::nuevo(1).menor_que(0), 0);
    }
}
