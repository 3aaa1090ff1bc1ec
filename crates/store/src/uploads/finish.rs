//! All of an upload is there and is what was promised.

use sigra_domain::Quien;

use super::{
    AdoptUpload, UploadRefusal,
    blobs::{NewBlob, retain},
    resumable::remove_upload,
    upload_parts::{delete_parts, mark_parts_garbage},
};
use crate::{Refused, Tx, Write, db::with_conn, reportes::StoredReporte};

/// How an upload ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadOutcome {
    /// An object of the store holds all of it; its key was noted before, with
    /// [`AcquireLease`](super::AcquireLease) or [`RecordBlobKey`](super::RecordBlobKey).
    Bien { clave: String, tipo: String },
    /// Its bytes are not those that were promised, or of a type that is not kept: it is given up, and
    /// can be begun anew.
    Mal,
}

/// Ends an upload: its last bytes, its object, its end and the report that waits for it in one, or nothing.
#[derive(Debug)]
pub struct FinishUpload {
    /// Who sent it, as the database knows them now.
    pub quien: Quien,
    pub id: String,
    /// That of [`AcquireLease`](super::AcquireLease).
    pub turno: i64,
    pub desenlace: UploadOutcome,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct FinishedUpload {
    /// The report with its file; `None` while there is none.
    pub reporte: Option<StoredReporte>,
    /// What the store has for nothing now: parts, and the object when its bytes were here before.
    pub sobran: Vec<String>,
}

impl Write for FinishUpload {
    type Out = FinishedUpload;
    type Err = Refused<UploadRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<FinishedUpload, Refused<UploadRefusal>> {
        let suya: Option<(i64, String)> = with_conn!(tx.conn, c => sqlx::query_as(
            "UPDATE subidas SET recibidos = bytes, terminada = $3
             WHERE id = $1 AND turno = $2 AND terminada IS NULL RETURNING bytes, sha256")
            .bind(self.id.as_str()).bind(self.turno).bind(tx.ahora.0)
            .fetch_optional(&mut **c).await)?;
        let (bytes, sha256) = suya.ok_or(UploadRefusal::TurnoPerdido)?;
        let UploadOutcome::Bien { clave, tipo } = &self.desenlace else {
            with_conn!(tx.conn, c => sqlx::query("UPDATE subidas SET terminada = NULL WHERE id = $1")
                .bind(self.id.as_str()).execute(&mut **c).await.map(drop))?;
            let sobran = remove_upload(tx, &self.id).await?;
            return Ok(FinishedUpload {
                reporte: None,
                sobran,
            });
        };
        // First the report, then the object: the order in which all others lock them.
        let adopta = AdoptUpload {
            quien: self.quien.clone(),
            subida_id: self.id.clone(),
        };
        let reporte = adopta.run(tx).await?;
        let nuevo = NewBlob {
            sha256: &sha256,
            bytes,
            tipo,
            clave,
        };
        let estaba = retain(tx, &nuevo).await?;
        let piezas = delete_parts(tx, &self.id).await?;
        // What came in one part left nothing else.
        let mut sobran = match piezas.as_slice() {
            [] => vec![],
            _ => mark_parts_garbage(tx, &self.id, piezas).await?,
        };
        sobran.extend(estaba.then(|| clave.clone()));
        Ok(FinishedUpload { reporte, sobran })
    }
}
