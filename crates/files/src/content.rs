//! What bytes say of a file, heard while they pass.

use sha2::Digest as _;
use sigra_domain::hex;
use sigra_media::MAX_HEADER;

#[derive(Default)]
pub(crate) struct ContentReader {
    hash: sha2::Sha256,
    inicio: Vec<u8>,
    largo: i64,
}

/// All of a file.
pub(crate) struct Content {
    pub(crate) sha256: String,
    /// In bytes.
    pub(crate) largo: i64,
    /// As much of its beginning as its type is told by.
    pub(crate) inicio: Vec<u8>,
}

impl ContentReader {
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.largo += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let falta = MAX_HEADER
            .saturating_sub(self.inicio.len())
            .min(bytes.len());
        self.inicio.extend_from_slice(&bytes[..falta]);
    }

    /// Bytes so far.
    pub(crate) fn size(&self) -> i64 {
        self.largo
    }

    pub(crate) fn finish(self) -> Content {
        Content {
            sha256: hex(&self.hash.finalize()),
            largo: self.largo,
            inicio: self.inicio,
        }
    }
}
