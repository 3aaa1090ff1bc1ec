//! All of an upload is there and is what was promised.

use super::{
    UploadRefusal,
    blobs::{NewBlob, retain},
    resumable::{key_prefix, mark_garbage, remove_upload},
};
use crate::{Refused, Tx, Write, db::with_conn};

/// How an upload ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadOutcome {
    /// An object of the store holds all of it; its key was noted with [`RecordBlobKey`](super::AnotarClave) before.
    Bien { clave: String, tipo: String },
    /// Its bytes are not those that were promised, or of a type that is not kept: it is given up, and
    /// can be begun anew.
    Mal,
}

/// Ends an upload: its last bytes, its object and its end in one, or nothing.
#[derive(Debug)]
pub struct FinishUpload {
    pub id: String,
    /// That of [`AcquireLease`](super::TomarTurno).
    pub turno: i64,
    pub desenlace: UploadOutcome,
}

impl Write for FinishUpload {
    /// Whether the new object is not needed, because its bytes were here before.
    type Out = bool;
    type Err = Refused<UploadRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Refused<UploadRefusal>> {
        let suya: Option<(i64, String)> = with_conn!(tx.conn, c => sqlx::query_as(
            "UPDATE subidas SET recibidos = bytes, terminada = $3
             WHERE id = $1 AND turno = $2 AND terminada IS NULL RETURNING bytes, sha256")
            .bind(self.id.as_str()).bind(self.turno).bind(tx.ahora.0)
            .fetch_optional(&mut **c).await)?;
        let (bytes, sha256) = suya.ok_or(UploadRefusal::TurnoPerdido)?;
        let UploadOutcome::Bien { clave, tipo } = &self.desenlace else {
            with_conn!(tx.conn, c => sqlx::query("UPDATE subidas SET terminada = NULL WHERE id = $1")
                .bind(self.id.as_str()).execute(&mut **c).await.map(drop))?;
            remove_upload(tx, &self.id).await?;
            return Ok(false);
        };
        let nuevo = NewBlob {
            sha256: &sha256,
            bytes,
            tipo,
            clave,
        };
        let sobra = retain(tx, &nuevo).await?;
        with_conn!(tx.conn, c => sqlx::query("DELETE FROM piezas WHERE subida_id = $1")
            .bind(self.id.as_str()).execute(&mut **c).await.map(drop))?;
        mark_garbage(tx, &key_prefix(&self.id)).await?;
        Ok(sobra)
    }
}
