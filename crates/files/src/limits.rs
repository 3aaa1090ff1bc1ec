//! How much of everything.

use sigra_media::{MediaType, SizeClass};

use crate::{FileRefusal, UploadSpec};

/// What the site allows. Sizes in bytes, times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_foto: i64,
    pub max_video: i64,
    pub max_documento: i64,
    /// Uploads that a person may have open at once, and their bytes.
    pub max_abiertas: i64,
    pub max_bytes_abiertos: i64,
    /// How long an upload waits for more.
    pub vigencia_ms: i64,
}

const MIB: i64 = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_foto: 25 * MIB,
            max_video: 200 * MIB,
            max_documento: 25 * MIB,
            max_abiertas: 200,
            max_bytes_abiertos: 2_048 * MIB,
            vigencia_ms: 7 * 24 * 60 * 60 * 1_000,
        }
    }
}

impl Limits {
    pub fn max_for(&self, tipo: MediaType) -> i64 {
        match tipo.kind() {
            SizeClass::Foto => self.max_foto,
            SizeClass::Video => self.max_video,
            SizeClass::Documento => self.max_documento,
        }
    }

    /// The most of any type.
    pub fn largest(&self) -> i64 {
        self.max_foto.max(self.max_video).max(self.max_documento)
    }

    /// The most that comes in one go: what is longer is sent in pieces.
    pub fn max_direct(&self) -> i64 {
        self.max_foto.max(self.max_documento)
    }

    /// By what is said beforehand; the bytes are judged when they are here.
    pub(crate) fn check(&self, anuncio: &UploadSpec) -> Result<(), FileRefusal> {
        let max = MediaType::from_mime(&anuncio.tipo).map_or(self.largest(), |t| self.max_for(t));
        if anuncio.bytes > max {
            return Err(FileRefusal::MuyGrande { max });
        }
        Ok(())
    }
}
