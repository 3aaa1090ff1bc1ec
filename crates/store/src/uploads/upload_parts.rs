//! What has come of an upload so far.

use sigra_store_macros::FromRow;

use super::{
    UploadRefusal,
    blobs::clear_garbage_mark,
    resumable::{key_prefix, mark_garbage},
};
use crate::{Refused, StoreError, Tx, Write, db::with_conn};

/// Bytes of an upload in a row, as one object of the store.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct UploadPart {
    /// Where in the file it begins.
    pub desde: i64,
    pub bytes: i64,
    pub clave: String,
}

impl UploadPart {
    /// Where in the file it ends.
    pub fn end(&self) -> i64 {
        self.desde.saturating_add(self.bytes)
    }
}

pub(super) async fn parts_of(tx: &mut Tx<'_>, id: &str) -> Result<Vec<UploadPart>, StoreError> {
    Ok(with_conn!(tx.conn, c => sqlx::query_as(
        "SELECT desde, bytes, clave FROM piezas WHERE subida_id = $1 ORDER BY desde")
        .bind(id).fetch_all(&mut **c).await)?)
}

/// Takes all of them from their rows; their keys.
pub(super) async fn delete_parts(tx: &mut Tx<'_>, id: &str) -> Result<Vec<String>, StoreError> {
    Ok(with_conn!(tx.conn, c => sqlx::query_scalar(
        "DELETE FROM piezas WHERE subida_id = $1 RETURNING clave")
        .bind(id).fetch_all(&mut **c).await)?)
}

/// Of an upload that had these parts, notes all that the store has for nothing now; answers with it.
pub(super) async fn mark_parts_garbage(
    tx: &mut Tx<'_>,
    id: &str,
    mut claves: Vec<String>,
) -> Result<Vec<String>, StoreError> {
    let carpeta = key_prefix(id);
    // Its first may be where the whole file would have been.
    claves.retain(|c| !c.starts_with(&carpeta));
    claves.push(carpeta);
    for clave in &claves {
        mark_garbage(tx, clave).await?;
    }
    Ok(claves)
}

/// Notes bytes that are durable in the store: they, and the place up to which the upload has come, or
/// nothing.
#[derive(Debug)]
pub struct AddUploadPart {
    pub id: String,
    /// That of [`AcquireLease`](super::AcquireLease).
    pub turno: i64,
    /// Where the upload stood.
    pub recibidos: i64,
    /// Ends beyond that place. It may begin before it, where the last piece does, whose bytes it then
    /// holds too and whose place it takes.
    pub pieza: UploadPart,
}

impl Write for AddUploadPart {
    type Out = ();
    type Err = Refused<UploadRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Refused<UploadRefusal>> {
        let suya = with_conn!(tx.conn, c => sqlx::query(
            "UPDATE subidas SET recibidos = $4 WHERE id = $1 AND turno = $2 AND recibidos = $3
                AND terminada IS NULL AND $4 <= bytes")
            .bind(self.id.as_str()).bind(self.turno).bind(self.recibidos).bind(self.pieza.end())
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        if suya == 0 {
            return Err(UploadRefusal::TurnoPerdido.into());
        }
        let reemplazada: Option<String> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "DELETE FROM piezas WHERE subida_id = $1 AND desde = $2 RETURNING clave")
            .bind(self.id.as_str()).bind(self.pieza.desde).fetch_optional(&mut **c).await)?;
        if let Some(clave) = reemplazada {
            mark_garbage(tx, &clave).await?;
        }
        with_conn!(tx.conn, c => sqlx::query(
            "INSERT INTO piezas (subida_id, desde, bytes, clave) VALUES ($1, $2, $3, $4)")
            .bind(self.id.as_str()).bind(self.pieza.desde).bind(self.pieza.bytes)
            .bind(self.pieza.clave.as_str()).execute(&mut **c).await.map(drop))?;
        // It is noted when it began as the whole file.
        clear_garbage_mark(tx, &self.pieza.clave).await?;
        Ok(())
    }
}
