//! A file with pieces left out, read by ranges as if it were one.

use std::ops::Range;

use super::{Cut, Filler};

/// A part of what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Bytes of the original.
    Original(Range<u64>),
    Bytes(Vec<u8>),
    Ceros(u64),
}

impl Segment {
    pub fn size(&self) -> u64 {
        match self {
            Self::Original(r) => r.end - r.start,
            Self::Bytes(b) => u64::try_from(b.len()).unwrap_or(u64::MAX),
            Self::Ceros(n) => *n,
        }
    }

    /// The part of it between two places of its own.
    fn slice(&self, desde: u64, hasta: u64) -> Self {
        match self {
            Self::Original(r) => Self::Original(r.start + desde..r.start + hasta),
            Self::Bytes(b) => {
                let en = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(b.len());
                Self::Bytes(b[en(desde)..en(hasta)].to_vec())
            }
            Self::Ceros(_) => Self::Ceros(hasta - desde),
        }
    }
}

/// The copy of a file.
#[derive(Clone, Debug)]
pub struct StrippedCopy {
    tramos: Vec<Segment>,
    len: u64,
}

impl StrippedCopy {
    /// Of a file of so many bytes. Pieces must come in order; what does not fit is not left out.
    pub fn new(len: u64, recortes: &[Cut]) -> Self {
        let mut tramos = Vec::with_capacity(recortes.len() * 2 + 1);
        let mut en = 0;
        for r in recortes {
            if r.desde < en || r.hasta < r.desde || r.hasta > len {
                continue;
            }
            tramos.push(Segment::Original(en..r.desde));
            match &r.relleno {
                Filler::Nada => {}
                Filler::Bytes(b) => tramos.push(Segment::Bytes(b.clone())),
                Filler::Ceros => tramos.push(Segment::Ceros(r.hasta - r.desde)),
            }
            en = r.hasta;
        }
        tramos.push(Segment::Original(en..len));
        tramos.retain(|t| t.size() > 0);
        let len = tramos.iter().map(Segment::size).sum();
        Self { tramos, len }
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.len
    }

    /// What is read of a range of the copy.
    pub fn segments(&self, range: Range<u64>) -> Vec<Segment> {
        let mut en = 0;
        let mut parts = Vec::new();
        for t in &self.tramos {
            let (desde, hasta) = (en, en + t.size());
            en = hasta;
            let (a, b) = (range.start.max(desde), range.end.min(hasta));
            if a < b {
                parts.push(t.slice(a - desde, b - desde));
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(original: &[u8], tramos: &[Segment]) -> Vec<u8> {
        let mut all = Vec::new();
        for t in tramos {
            match t {
                Segment::Original(r) => {
                    let [a, b] = [r.start, r.end].map(|n| usize::try_from(n).unwrap());
                    all.extend_from_slice(&original[a..b]);
                }
                Segment::Bytes(b) => all.extend_from_slice(b),
                Segment::Ceros(n) => all.resize(all.len() + usize::try_from(*n).unwrap(), 0),
            }
        }
        all
    }

    proptest! {
        /// Any range of the copy is that range of the whole copy.
        #[test]
        fn ranges_are_parts_of_the_whole(
            cortes in proptest::collection::vec((0..120_u64, 0..30_u64, 0..3), 0..6),
            a in 0..150_u64, b in 0..150_u64,
        ) {
            let original: Vec<u8> = (1..=100).collect();
            let mut cortes: Vec<_> = cortes.into_iter().map(|(desde, n, que)| Cut {
                desde,
                hasta: desde + n,
                relleno: match que {
                    0 => Filler::Nada,
                    1 => Filler::Ceros,
                    _ => Filler::Bytes(vec![200, 201, 202]),
                },
            }).collect();
            cortes.sort_by_key(|r| r.desde);
            let copy = StrippedCopy::new(100, &cortes);
            let all = read(&original, &copy.segments(0..u64::MAX));
            prop_assert_eq!(u64::try_from(all.len()).unwrap(), copy.size());
            let (a, b) = (a.min(b), a.max(b));
            let parte = read(&original, &copy.segments(a..b));
            let en = |n: u64| usize::try_from(n).unwrap().min(all.len());
            prop_assert_eq!(parte, &all[en(a)..en(b)]);
        }
    }
}
