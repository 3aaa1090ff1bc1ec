//! An object being written, with little of it in memory.

use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStore, buffered::BufWriter, path::Path};
use tokio::io::AsyncWriteExt as _;

use super::BlobError;

/// Parts on their way to the place while the next one fills.
const MAX_PARTS_IN_FLIGHT: usize = 1;

/// Dropped before its end, it leaves at most a temporary file, which
/// [`BlobStore::delete_prefix`](BlobStore::delete_prefix) takes away.
#[derive(Debug)]
pub struct BlobWriter {
    target: BufWriter,
    escritos: u64,
}

impl BlobWriter {
    pub(crate) fn new(objetos: Arc<dyn ObjectStore>, clave: Path, por_parte: usize) -> Self {
        Self {
            target: BufWriter::with_capacity(objetos, clave, por_parte)
                .with_max_concurrency(MAX_PARTS_IN_FLIGHT),
            escritos: 0,
        }
    }

    pub async fn append(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.escritos += u64::try_from(bytes.len()).unwrap_or(0);
        // Copied: what a socket gives is small and keeps a large block alive, many times its size.
        let escrito = self.target.write_all(&bytes).await;
        escrito.map_err(BlobError::from_write_error)
    }

    /// Bytes so far.
    pub fn written(&self) -> u64 {
        self.escritos
    }

    /// Answers once it is durable and can be read.
    pub async fn finish(mut self) -> Result<(), BlobError> {
        self.target
            .shutdown()
            .await
            .map_err(BlobError::from_write_error)
    }

    /// Leaves nothing.
    pub async fn abort(mut self) -> Result<(), BlobError> {
        Ok(self.target.abort().await?)
    }
}
