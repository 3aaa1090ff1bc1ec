//! Where the bytes of files are kept: a directory, or S3. Objects are written whole and never
//! changed; each has a key that nobody can guess and that says nothing of what it holds.
//!
//! What is written is durable when its writing ends well: on a directory the file and the directory
//! that names it are synced, under a temporary name until then.

mod blob_writer;
mod dir;
mod error;
mod s3;

use std::{ops::Range, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use object_store::{
    GetOptions, GetResultPayload, ObjectStore, ObjectStoreExt as _, aws::AmazonS3, path::Path,
};

pub use blob_writer::BlobWriter;
pub use error::BlobError;
pub use s3::S3Options;

/// Deletions under way at once.
const CONCURRENCY: usize = 8;

/// The place. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BlobStore {
    objetos: Arc<dyn ObjectStore>,
    /// Bytes that a writer holds before it passes them on.
    por_parte: usize,
    /// Only a directory has one.
    root: Option<PathBuf>,
    /// S3 as it is reached from everywhere.
    publico: Option<Arc<AmazonS3>>,
}

/// An object as a list tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    pub clave: String,
    pub bytes: u64,
}

impl BlobStore {
    /// A directory of this machine, made if it is not there.
    pub fn open_dir(root: PathBuf) -> Result<Self, BlobError> {
        dir::open(root)
    }

    pub fn s3(options: &S3Options) -> Result<Self, BlobError> {
        s3::open(options)
    }

    /// Begins an object. Nobody sees it before [`BlobWriter::finish`] answers.
    pub fn writer(&self, clave: &str) -> BlobWriter {
        BlobWriter::new(Arc::clone(&self.objetos), Path::from(clave), self.por_parte)
    }

    /// A small object in one go.
    pub async fn write(&self, clave: &str, bytes: Bytes) -> Result<(), BlobError> {
        let resultado = self.objetos.put(&Path::from(clave), bytes.into()).await;
        Ok(resultado.map(drop)?)
    }

    /// The bytes of an object, or of a part of it, as they come.
    pub async fn read(
        &self,
        clave: &str,
        rango: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        if rango.as_ref().is_some_and(Range::is_empty) {
            return Ok(stream::empty().boxed());
        }
        let options = GetOptions {
            range: rango.map(Into::into),
            ..GetOptions::default()
        };
        let found = self.objetos.get_opts(&Path::from(clave), options).await?;
        Ok(match found.payload {
            GetResultPayload::File(archivo, _) => dir::chunks(archivo, found.range),
            GetResultPayload::Stream(bytes) => bytes.map_err(BlobError::from).boxed(),
        })
    }

    /// A whole object in memory, if it is not larger than that.
    pub async fn read_all(&self, clave: &str, maximo: usize) -> Result<Bytes, BlobError> {
        let found = self.objetos.get(&Path::from(clave)).await?;
        if usize::try_from(found.meta.size).map_or(true, |n| n > maximo) {
            return Err(BlobError::MuyGrande);
        }
        Ok(found.bytes().await?)
    }

    /// Its length in bytes; `None` when it is not there.
    pub async fn size(&self, clave: &str) -> Result<Option<u64>, BlobError> {
        match self.objetos.head(&Path::from(clave)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// The same bytes under another key, without their passing through here.
    pub async fn copy(&self, de: &str, a: &str) -> Result<(), BlobError> {
        Ok(self.objetos.copy(&Path::from(de), &Path::from(a)).await?)
    }

    /// An object, or what is left of writing it. Nothing is done for what is not there.
    pub async fn delete(&self, clave: &str) -> Result<(), BlobError> {
        if let Some(raiz) = &self.root {
            dir::remove_partial(&raiz.join(clave)).await?;
        }
        match self.objetos.delete(&Path::from(clave)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// All objects whose keys begin with these segments, and what was left of writing them.
    pub async fn delete_prefix(&self, prefix: &str) -> Result<(), BlobError> {
        let claves: Vec<String> = self.list(prefix).map_ok(|o| o.clave).try_collect().await?;
        stream::iter(claves)
            .map(|clave| async move { self.delete(&clave).await })
            .buffer_unordered(CONCURRENCY)
            .try_collect::<Vec<()>>()
            .await?;
        match &self.root {
            Some(root) => dir::remove_dir(&root.join(prefix)).await,
            None => Ok(()),
        }
    }

    /// A link to an object that needs no header, good for so long; `None` where the store can't be
    /// reached from outside. Whoever follows it is told this disposition and this type.
    pub async fn presigned_url(
        &self,
        clave: &str,
        plazo: Duration,
        disposicion: &str,
        tipo: &str,
    ) -> Result<Option<String>, BlobError> {
        match &self.publico {
            Some(s3) => s3::presigned_url(s3, clave, plazo, (disposicion, tipo))
                .await
                .map(Some),
            None => Ok(None),
        }
    }

    /// Whether it can be reached.
    pub async fn ping(&self) -> Result<(), BlobError> {
        match &self.root {
            Some(root) => dir::ensure_dir(root).await,
            // No such object is an answer too.
            None => self.size("sigra").await.map(drop),
        }
    }

    /// Every object whose key begins with these segments.
    pub fn list(&self, prefix: &str) -> BoxStream<'static, Result<BlobInfo, BlobError>> {
        let todos = self.objetos.list(Some(&Path::from(prefix)));
        todos
            .map_ok(|meta| BlobInfo {
                clave: meta.location.to_string(),
                bytes: meta.size,
            })
            .map_err(BlobError::from)
            .boxed()
    }
}
