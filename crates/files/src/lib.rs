//! Files that arrive over bad links: bytes go to the store first, then the database is told of them,
//! so that what it says of a file is always true of its bytes.

pub mod blobs;
mod check;
mod checksum;
mod content;
mod direct;
mod finish;
mod handover;
mod late_uploads;
mod limits;
mod part_writer;
mod previews;
mod receive;
mod refusal;
mod serve;
mod sweep;
mod workers;

use std::sync::Arc;

use crate::blobs::BlobStore;
use sigra_domain::{Quien, Rut, hex};
use sigra_store::{
    Refused, Store,
    reportes::StoredReporte,
    uploads::{
        AcquireLease, AdoptUpload, CreateUpload, DeleteArchivo, ForgetBlobKey, RemoveUpload,
        Upload, UploadRefusal, waiting_uploads,
    },
};

pub use check::{Damage, DamagedFile, IntegrityReport};
pub use checksum::{Checksum, ChecksumAlgorithm};
pub use direct::DirectTarget;
use handover::Leases;
pub use limits::Limits;
pub use receive::UploadProgress;
pub use refusal::FileRefusal;
pub use serve::{Rendition, RenditionUnavailable, ServedFile};
pub use sigra_media::{MediaType, UnsupportedMedia};
pub use sigra_store::uploads::UploadSpec;
pub use sweep::SweepReport;
use tokio::sync::Notify;

/// The service of files. Cheap to clone.
#[derive(Clone)]
pub struct FileService(Arc<Inner>);

struct Inner {
    store: Store,
    blobs: BlobStore,
    limites: Limits,
    turnos: Leases,
    /// Told of each file that comes in here.
    llegadas: Notify,
}

impl FileService {
    pub fn new(store: Store, blobs: BlobStore, limites: Limits) -> Self {
        Self(Arc::new(Inner {
            store,
            blobs,
            limites,
            turnos: Leases::default(),
            llegadas: Notify::new(),
        }))
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limites
    }

    /// Whether files can be taken and given now.
    pub async fn ping(&self) -> Result<(), crate::blobs::BlobError> {
        self.0.blobs.ping().await
    }

    /// Begins an upload, or finds the same one that was begun before.
    pub async fn create(&self, quien: &Quien, anuncio: UploadSpec) -> Result<Upload, FileRefusal> {
        let limites = &self.0.limites;
        limites.check(&anuncio)?;
        let subida = self.0.store.write(CreateUpload {
            quien: quien.clone(),
            id: hex(&self.0.store.env().random::<16>()),
            anuncio,
            vigencia: limites.vigencia_ms,
            max_abiertas: limites.max_abiertas,
            max_bytes: limites.max_bytes_abiertos,
        });
        Ok(subida.await?)
    }

    /// Where an upload stands. Whoever was still sending to it is cut off first, and what came of that
    /// is counted.
    pub async fn estado(&self, rut: Rut, id: &str) -> Result<Upload, FileRefusal> {
        let _turno = self.0.turnos.acquire(id).await;
        let turno = self.acquire_lease(rut, id, None).await?;
        Ok(turno.0)
    }

    /// Gives an upload up. A file that a report has stays.
    pub async fn remove(&self, rut: Rut, id: &str) -> Result<(), FileRefusal> {
        let _turno = self.0.turnos.acquire(id).await;
        let id = id.to_owned();
        for clave in self.0.store.write(RemoveUpload { rut, id }).await? {
            self.discard(&clave).await;
        }
        Ok(())
    }

    /// A file that will not come, or that must not stay.
    pub async fn delete(
        &self,
        quien: &Quien,
        id: i64,
        detalle: String,
    ) -> Result<(), Refused<UploadRefusal>> {
        let quien = quien.clone();
        let elimina = DeleteArchivo { quien, id, detalle };
        self.0.store.write(elimina).await
    }

    /// Gives the files that wait for these uuids to their reports, and answers with the reports.
    pub async fn adopt(
        &self,
        quien: &Quien,
        uuids: &[&str],
    ) -> Result<Vec<StoredReporte>, sigra_store::StoreError> {
        let mut read = self.0.store.read().await?;
        let esperan = waiting_uploads(&mut read, quien.rut, uuids).await?;
        drop(read);
        let mut reportes = Vec::new();
        for subida_id in esperan {
            let quien = quien.clone();
            let adoptada = self.0.store.write(AdoptUpload { quien, subida_id }).await?;
            reportes.extend(adoptada);
        }
        Ok(reportes)
    }

    async fn acquire_lease(
        &self,
        rut: Rut,
        id: &str,
        clave: Option<String>,
    ) -> Result<(Upload, Vec<sigra_store::uploads::UploadPart>), Refused<UploadRefusal>> {
        let toma = AcquireLease {
            rut,
            id: id.to_owned(),
            vigencia: self.0.limites.vigencia_ms,
            clave,
        };
        self.0.store.write(toma).await
    }

    /// Takes away what the database says nobody needs; what can't be taken now is found again by the
    /// sweeper.
    async fn discard(&self, clave: &str) {
        let quitado = match clave.strip_suffix('/') {
            Some(folder) => self.0.blobs.delete_prefix(folder).await,
            None => self.0.blobs.delete(clave).await,
        };
        match quitado {
            Ok(()) => {
                let olvido = ForgetBlobKey(clave.to_owned());
                if let Err(error) = self.0.store.write(olvido).await {
                    tracing::warn!(%error, "una clave sin uso queda para después");
                }
            }
            Err(error) => tracing::warn!(%error, "un archivo sin uso queda para después"),
        }
    }
}
