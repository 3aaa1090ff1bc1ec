//! S3, or what speaks its language.

use std::{sync::Arc, time::Duration};

use object_store::{RetryConfig, aws::AmazonS3Builder};

use crate::{Almacen, Fallo};

/// The smallest part that S3 takes of an object in parts, but for the last.
const POR_PARTE: usize = 5 * 1024 * 1024;

/// How long a request is tried again: phones wait at the other end.
const INSISTENCIA: Duration = Duration::from_secs(20);

/// How it is reached.
#[derive(Clone)]
pub struct OpcionesS3 {
    pub url: String,
    pub region: String,
    pub bucket: String,
    pub clave_id: String,
    pub clave_secreta: String,
}

impl std::fmt::Debug for OpcionesS3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpcionesS3")
            .field("url", &self.url)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

pub(crate) fn abre(o: &OpcionesS3) -> Result<Almacen, Fallo> {
    let objetos = AmazonS3Builder::new()
        .with_endpoint(o.url.as_str())
        .with_region(o.region.as_str())
        .with_bucket_name(o.bucket.as_str())
        .with_access_key_id(o.clave_id.as_str())
        .with_secret_access_key(o.clave_secreta.as_str())
        .with_allow_http(o.url.starts_with("http://"))
        .with_retry(RetryConfig {
            max_retries: 3,
            retry_timeout: INSISTENCIA,
            ..RetryConfig::default()
        })
        .build()?;
    Ok(Almacen {
        objetos: Arc::new(objetos),
        por_parte: POR_PARTE,
        raiz: None,
    })
}
