//! An object being written, with little of it in memory.

use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStore, buffered::BufWriter, path::Path};
use tokio::io::AsyncWriteExt as _;

use crate::Fallo;

/// Parts on their way to the place while the next one fills.
const PARTES: usize = 1;

/// Dropped before its end, it leaves at most a temporary file, which
/// [`Almacen::borra_bajo`](crate::Almacen::borra_bajo) takes away.
#[derive(Debug)]
pub struct Escritor {
    destino: BufWriter,
    escritos: u64,
}

impl Escritor {
    pub(crate) fn nuevo(objetos: Arc<dyn ObjectStore>, clave: Path, por_parte: usize) -> Self {
        Self {
            destino: BufWriter::with_capacity(objetos, clave, por_parte)
                .with_max_concurrency(PARTES),
            escritos: 0,
        }
    }

    pub async fn agrega(&mut self, bytes: Bytes) -> Result<(), Fallo> {
        self.escritos += u64::try_from(bytes.len()).unwrap_or(0);
        // Copied: what a socket gives is small and keeps a large block alive, many times its size.
        let escrito = self.destino.write_all(&bytes).await;
        escrito.map_err(Fallo::de_escritura)
    }

    /// Bytes so far.
    pub fn escritos(&self) -> u64 {
        self.escritos
    }

    /// Answers once it is durable and can be read.
    pub async fn termina(mut self) -> Result<(), Fallo> {
        self.destino.shutdown().await.map_err(Fallo::de_escritura)
    }

    /// Leaves nothing.
    pub async fn abandona(mut self) -> Result<(), Fallo> {
        Ok(self.destino.abort().await?)
    }
}
