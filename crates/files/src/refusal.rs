//! Why bytes are not taken.

use sigra_media::UnsupportedMedia;
use sigra_store::uploads::UploadRefusal;

#[derive(Debug, thiserror::Error)]
pub enum FileRefusal {
    #[error("{0:?}")]
    Subida(UploadRefusal),
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
    Almacen(#[from] crate::blobs::BlobError),
}

impl From<UploadRefusal> for FileRefusal {
    fn from(r: UploadRefusal) -> Self {
        Self::Subida(r)
    }
}

impl From<sigra_store::StoreError> for FileRefusal {
    fn from(f: sigra_store::StoreError) -> Self {
        Self::Subida(f.into())
    }
}
