//! The way from the configuration to the service of files.

use sigra_almacen::{Almacen, OpcionesS3};
use sigra_domain::Instante;
use sigra_evidencia::{Evidencia, Limites};
use sigra_store::Store;

use crate::{config::Config, error::ErrorComando};

const MIB: i64 = 1024 * 1024;

pub(crate) fn abre(config: &Config, store: Store) -> Result<Evidencia, ErrorComando> {
    Ok(Evidencia::nueva(store, almacen(config)?, limites(config)))
}

/// In S3 when it is configured, else in a directory.
fn almacen(config: &Config) -> Result<Almacen, ErrorComando> {
    let Some(s3) = config.s3() else {
        let carpeta = &config.archivos_dir;
        return Almacen::directorio(carpeta.clone()).map_err(|e| {
            let que = format!(
                "no se puede usar la carpeta {} (archivos_dir)",
                carpeta.display()
            );
            ErrorComando::al(que, e)
        });
    };
    let opciones = OpcionesS3 {
        url: s3.url.to_owned(),
        url_publica: config.s3_url_publica.as_ref().map(|u| u.0.clone()),
        region: config.s3_region.0.clone(),
        bucket: s3.bucket.to_owned(),
        clave_id: s3.clave_id.to_owned(),
        clave_secreta: s3.clave_secreta.0.clone(),
    };
    Almacen::s3(&opciones).map_err(|e| ErrorComando::al("no se puede usar S3; revise s3_url", e))
}

fn limites(config: &Config) -> Limites {
    let mib = |n: u32| i64::from(n) * MIB;
    Limites {
        max_foto: mib(config.max_foto_mib.0),
        max_video: mib(config.max_video_mib.0),
        max_documento: mib(config.max_documento_mib.0),
        max_abiertas: config.subidas_abiertas.0.into(),
        max_bytes_abiertos: mib(config.subidas_mib.0),
        vigencia_ms: i64::from(config.subida_dias.0) * Instante::DIA,
    }
}
