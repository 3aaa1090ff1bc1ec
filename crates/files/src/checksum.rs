//! The checksum of one request (tus 1.0.0, extension Checksum).

use sha2::Digest as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumAlgorithm {
    Sha1,
    Sha256,
}

/// What the bytes of a request shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    pub algoritmo: ChecksumAlgorithm,
    pub esperada: Vec<u8>,
}

/// What they are.
pub(crate) enum Hasher {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl Hasher {
    pub(crate) fn from_checksum(checksum: &Checksum) -> Self {
        match checksum.algoritmo {
            ChecksumAlgorithm::Sha1 => Self::Sha1(sha1::Sha1::default()),
            ChecksumAlgorithm::Sha256 => Self::Sha256(sha2::Sha256::default()),
        }
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(c) => c.update(bytes),
            Self::Sha256(c) => c.update(bytes),
        }
    }

    pub(crate) fn matches(self, checksum: &Checksum) -> bool {
        match self {
            Self::Sha1(c) => c.finalize()[..] == checksum.esperada[..],
            Self::Sha256(c) => c.finalize()[..] == checksum.esperada[..],
        }
    }
}
