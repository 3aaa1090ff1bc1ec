//! What is no longer needed goes: the row first, in a transaction that notes its keys in `basura`, then
//! what they stand for.

use sigra_domain::Instante;

use super::resumable::{mark_garbage, remove_upload};
use crate::{ReadConn, StoreError, Tx, Write, db::with_conn};

/// Uploads whose time is over, by their ids.
pub async fn expired_uploads(
    lectura: &mut ReadConn,
    ahora: Instante,
    limite: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(with_conn!(lectura.conn(), c => sqlx::query_scalar(
        "SELECT id FROM subidas WHERE expira <= $1 ORDER BY expira LIMIT $2")
        .bind(ahora.0).bind(limite).fetch_all(&mut **c).await)?)
}

/// Takes an upload away, if its time is still over.
#[derive(Debug)]
pub struct RemoveExpiredUpload(pub String);

impl Write for RemoveExpiredUpload {
    /// What the store has for nothing now; `None` when somebody goes on with it.
    type Out = Option<Vec<String>>;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Vec<String>>, StoreError> {
        // Locks it: whoever goes on with it at this moment gives it more time before or finds nothing.
        let sigue = with_conn!(tx.conn, c => sqlx::query(
            "UPDATE subidas SET turno = turno + 1 WHERE id = $1 AND expira <= $2")
            .bind(self.0.as_str()).bind(tx.ahora.0)
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        if sigue == 0 {
            return Ok(None);
        }
        remove_upload(tx, &self.0).await.map(Some)
    }
}

/// Objects to which nothing has referred since then or longer, by their hashes.
pub async fn unused_blobs(
    lectura: &mut ReadConn,
    desde: Instante,
    limite: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(with_conn!(lectura.conn(), c => sqlx::query_scalar(
        "SELECT sha256 FROM objetos WHERE sin_uso_desde <= $1 ORDER BY sin_uso_desde LIMIT $2")
        .bind(desde.0).bind(limite).fetch_all(&mut **c).await)?)
}

/// Forgets an object, if still nothing has referred to it since then.
#[derive(Debug)]
pub struct ReleaseBlob {
    pub sha256: String,
    pub desde: Instante,
}

impl Write for ReleaseBlob {
    /// The keys of what it was.
    type Out = Vec<String>;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
        // Whoever begins to refer to it sets `sin_uso_desde` to null under the same lock, before or after.
        type BlobKeys = (String, Option<String>, Option<String>);
        let claves: Option<BlobKeys> = with_conn!(tx.conn, c => sqlx::query_as(
            "DELETE FROM objetos WHERE sha256 = $1 AND sin_uso_desde <= $2
             RETURNING clave, clave_miniatura, clave_vista")
            .bind(self.sha256.as_str()).bind(self.desde.0).fetch_optional(&mut **c).await)?;
        let Some((clave, miniatura, vista)) = claves else {
            return Ok(vec![]);
        };
        let claves: Vec<String> = [Some(clave), miniatura, vista]
            .into_iter()
            .flatten()
            .collect();
        for clave in &claves {
            mark_garbage(tx, clave).await?;
        }
        Ok(claves)
    }
}
