//! S3, or what speaks its language.

use std::{sync::Arc, time::Duration};

use object_store::{
    RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
    signer::{Method, SignedUrlOptions, Signer as _},
};

use super::{BlobError, BlobStore};

/// The smallest part that S3 takes of an object in parts, but for the last.
const PART_SIZE: usize = 5 * 1024 * 1024;

/// How long a request is tried again: phones wait at the other end.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);

/// How it is reached.
#[derive(Clone)]
pub struct S3Options {
    pub url: String,
    /// Where whoever has a link reaches it; `None` when nobody but the server does.
    pub url_publica: Option<String>,
    pub region: String,
    pub bucket: String,
    pub clave_id: String,
    pub clave_secreta: String,
}

impl std::fmt::Debug for S3Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpcionesS3")
            .field("url", &self.url)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

pub(crate) fn open(o: &S3Options) -> Result<BlobStore, BlobError> {
    let publico = o.url_publica.as_deref().map(|url| client(o, url));
    Ok(BlobStore {
        objetos: Arc::new(client(o, &o.url)?),
        por_parte: PART_SIZE,
        root: None,
        publico: publico.transpose()?.map(Arc::new),
    })
}

fn client(o: &S3Options, url: &str) -> Result<AmazonS3, BlobError> {
    let s3 = AmazonS3Builder::new()
        .with_endpoint(url)
        .with_region(o.region.as_str())
        .with_bucket_name(o.bucket.as_str())
        .with_access_key_id(o.clave_id.as_str())
        .with_secret_access_key(o.clave_secreta.as_str())
        .with_allow_http(url.starts_with("http://"))
        .with_retry(RetryConfig {
            max_retries: 3,
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        })
        .build()?;
    Ok(s3)
}

/// A link that S3 itself answers, with these headers, until the time is over.
pub(crate) async fn presigned_url(
    s3: &AmazonS3,
    clave: &str,
    plazo: Duration,
    (disposicion, tipo): (&str, &str),
) -> Result<String, BlobError> {
    let options = SignedUrlOptions::default().with_query([
        ("response-content-disposition", disposicion),
        ("response-content-type", tipo),
    ]);
    let clave = Path::from(clave);
    let url = s3.signed_url_opts(Method::GET, &clave, plazo, &options);
    Ok(url.await?.into())
}
