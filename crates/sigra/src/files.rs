//! The way from the configuration to the service of files.

use sigra_domain::Instante;
use sigra_files::blobs::{BlobStore, S3Options};
use sigra_files::{FileService, Limits};
use sigra_store::Store;

use crate::{config::Config, error::CommandError};

const MIB: i64 = 1024 * 1024;

pub(crate) fn open(config: &Config, store: Store) -> Result<FileService, CommandError> {
    Ok(FileService::new(store, open_blobs(config)?, limits(config)))
}

/// In S3 when it is configured, else in a directory.
fn open_blobs(config: &Config) -> Result<BlobStore, CommandError> {
    let Some(s3) = config.s3() else {
        let carpeta = &config.archivos_dir;
        return BlobStore::open_dir(carpeta.clone()).map_err(|e| {
            let que = format!(
                "no se puede usar la carpeta {} (archivos_dir)",
                carpeta.display()
            );
            CommandError::failed(que, e)
        });
    };
    let opciones = S3Options {
        url: s3.url.to_owned(),
        url_publica: config.s3_url_publica.as_ref().map(|u| u.0.clone()),
        region: config.s3_region.0.clone(),
        bucket: s3.bucket.to_owned(),
        clave_id: s3.clave_id.to_owned(),
        clave_secreta: s3.clave_secreta.0.clone(),
    };
    BlobStore::s3(&opciones)
        .map_err(|e| CommandError::failed("no se puede usar S3; revise s3_url", e))
}

fn limits(config: &Config) -> Limits {
    let mib = |n: u32| i64::from(n) * MIB;
    Limits {
        max_foto: mib(config.max_foto_mib.0),
        max_video: mib(config.max_video_mib.0),
        max_documento: mib(config.max_documento_mib.0),
        max_abiertas: config.subidas_abiertas.0.into(),
        max_bytes_abiertos: mib(config.subidas_mib.0),
        vigencia_ms: i64::from(config.subida_dias.0) * Instante::DAY,
    }
}
