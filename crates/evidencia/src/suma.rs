//! The checksum of one request (tus 1.0.0, extension Checksum).

use sha2::Digest as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algoritmo {
    Sha1,
    Sha256,
}

/// What the bytes of a request shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suma {
    pub algoritmo: Algoritmo,
    pub esperada: Vec<u8>,
}

/// What they are.
pub(crate) enum Cuenta {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl Cuenta {
    pub(crate) fn de(suma: &Suma) -> Self {
        match suma.algoritmo {
            Algoritmo::Sha1 => Self::Sha1(sha1::Sha1::default()),
            Algoritmo::Sha256 => Self::Sha256(sha2::Sha256::default()),
        }
    }

    pub(crate) fn agrega(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(c) => c.update(bytes),
            Self::Sha256(c) => c.update(bytes),
        }
    }

    pub(crate) fn es(self, suma: &Suma) -> bool {
        match self {
            Self::Sha1(c) => c.finalize()[..] == suma.esperada[..],
            Self::Sha256(c) => c.finalize()[..] == suma.esperada[..],
        }
    }
}
