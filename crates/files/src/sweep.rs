//! The sweeper: takes away what nothing needs any more, a day after it was last needed.

use sigra_domain::Instante;
use sigra_store::{
    StoreError,
    uploads::{ReleaseBlob, RemoveExpiredUpload, expired_uploads, list_garbage, unused_blobs},
};

use crate::FileService;

/// What is taken away of each kind in one go; the rest next time.
const CHUNK: i64 = 1_000;
/// How long an object stays that nothing refers to, and a key that nobody took away.
const GRACE_PERIOD: i64 = Instante::DAY;

/// What was taken away, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Uploads that nobody went on with.
    pub subidas: usize,
    /// Files that no report has.
    pub objetos: usize,
    /// Remains of servers that fell.
    pub restos: usize,
}

impl FileService {
    /// To be called now and then, by any number of servers. A `simulacro` only counts.
    pub async fn sweep(&self, simulacro: bool) -> Result<SweepReport, StoreError> {
        let now = self.0.store.env().now();
        let antes = now.plus(-GRACE_PERIOD);
        let mut read = self.0.store.read().await?;
        let subidas = expired_uploads(&mut read, now, CHUNK).await?;
        let objetos = unused_blobs(&mut read, antes, CHUNK).await?;
        let restos = list_garbage(&mut read, antes, CHUNK).await?;
        drop(read);
        let mut done = SweepReport {
            subidas: subidas.len(),
            objetos: objetos.len(),
            restos: restos.len(),
        };
        if simulacro {
            return Ok(done);
        }
        for id in subidas {
            let Some(claves) = self.0.store.write(RemoveExpiredUpload(id)).await? else {
                done.subidas -= 1;
                continue;
            };
            for clave in claves {
                self.discard(&clave).await;
            }
        }
        for sha256 in objetos {
            let released = ReleaseBlob {
                sha256,
                desde: antes,
            };
            let claves = self.0.store.write(released).await?;
            if claves.is_empty() {
                done.objetos -= 1;
            }
            for clave in claves {
                self.discard(&clave).await;
            }
        }
        for clave in restos {
            self.discard(&clave).await;
        }
        Ok(done)
    }
}
