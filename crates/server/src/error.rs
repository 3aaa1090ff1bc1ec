//! Why a site could not be opened, as one sentence for its operator.

use std::path::PathBuf;

use sigra_delivery::{DeliveryError, DeliverySetupError};
use sigra_files::blobs::BlobError;
use sigra_store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("no existe la carpeta {} de la base de datos; créela o cambie database_url", .0.display())]
    DatabaseDir(PathBuf),
    #[error(
        "no existe la base de datos {}; revise data_dir y database_url, o ejecute sigra migrate para crearla",
        .0.display()
    )]
    NoDatabase(PathBuf),
    #[error("no se pudo abrir la base de datos; revise que esté encendida y database_url ({0})")]
    Unavailable(#[source] StoreError),
    #[error("no se pudo abrir la base de datos (database_url): {0}")]
    Database(#[source] StoreError),
    #[error("no se puede usar la carpeta {} (archivos_dir): {source}", .dir.display())]
    FilesDir { dir: PathBuf, source: BlobError },
    #[error("no se puede usar S3; revise s3_url: {0}")]
    S3(#[source] BlobError),
    #[error("no se puede usar el correo configurado: {0}")]
    Email(#[source] DeliveryError),
    #[error("no se pueden preparar los envíos: {0}")]
    Delivery(#[source] DeliverySetupError),
}
