//! Why bytes are not taken.

use sigra_media::UnsupportedMedia;
use sigra_store::{Refused, StoreError, uploads::UploadRefusal};

#[derive(Debug, thiserror::Error)]
pub enum FileRefusal {
    #[error("{0:?}")]
    Subida(UploadRefusal),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The upload stands elsewhere than its sender believes.
    #[error("la subida va en otra parte: {0}")]
    OtroDesfase(i64),
    /// More came than was announced.
    #[error("vinieron más bytes que los anunciados")]
    Sobran,
    /// The bytes of this request are not those of its checksum; none of them was kept.
    #[error("los bytes no corresponden a su suma")]
    SumaDistinta,
    /// All is here and is not what was announced; it can be sent again from the beginning.
    #[error("el archivo no corresponde a su sha256")]
    HashDistinto,
    #[error("{0}")]
    NoAdmitido(UnsupportedMedia),
    /// An image of so many pixels is not kept.
    #[error("la imagen tiene demasiados pixeles")]
    MuchosPixeles,
    /// In bytes.
    #[error("el archivo pasa de {max} bytes")]
    MuyGrande { max: i64 },
    /// The link broke, or somebody else went on with it; what came until then was kept.
    #[error("la subida se interrumpió")]
    Interrumpida,
    #[error(transparent)]
    Blobs(#[from] crate::blobs::BlobError),
}

impl From<UploadRefusal> for FileRefusal {
    fn from(r: UploadRefusal) -> Self {
        Self::Subida(r)
    }
}

impl From<Refused<UploadRefusal>> for FileRefusal {
    fn from(refused: Refused<UploadRefusal>) -> Self {
        match refused {
            Refused::Reason(reason) => Self::Subida(reason),
            Refused::Store(e) => Self::Store(e),
        }
    }
}
