//! The same bytes are kept once: one row for each SHA-256, locked whenever something begins or ceases
//! to refer to it.

use sigra_domain::Instante;
use sigra_store_macros::FromRow;

use super::resumable::mark_garbage;
use crate::{ReadConn, Store, StoreError, Tx, Write, db::with_conn};

/// Bytes that are here, and what was made of them.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Blob {
    pub sha256: String,
    pub bytes: i64,
    /// MIME type, by its bytes.
    pub tipo: String,
    /// Where the store keeps them.
    pub clave: String,
    /// `pendientes`, `listas` or `ninguna`.
    pub vistas: String,
    pub clave_miniatura: Option<String>,
    pub bytes_miniatura: Option<i64>,
    pub clave_vista: Option<String>,
    pub bytes_vista: Option<i64>,
    /// JSON; `None` when no copy without location can be given.
    pub recortes: Option<String>,
}

pub(super) const COLUMNS: &str =
    "sha256, bytes, tipo, clave, vistas, clave_miniatura, bytes_miniatura, clave_vista,
    bytes_vista, recortes";

pub async fn find_blob(lectura: &mut ReadConn, sha256: &str) -> Result<Option<Blob>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM objetos WHERE sha256 = $1"));
    Ok(
        with_conn!(lectura.conn(), c => sqlx::query_as(sql).bind(sha256)
        .fetch_optional(&mut **c).await)?,
    )
}

/// Those after this hash, by their hashes.
pub async fn blobs_from(
    lectura: &mut ReadConn,
    sha256: &str,
    limite: i64,
) -> Result<Vec<Blob>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM objetos WHERE sha256 > $1 ORDER BY sha256 LIMIT $2"
    ));
    Ok(
        with_conn!(lectura.conn(), c => sqlx::query_as(sql).bind(sha256).bind(limite)
        .fetch_all(&mut **c).await)?,
    )
}

/// Hashes that reports have and of whose bytes nothing is known.
pub async fn missing_blobs(lectura: &mut ReadConn) -> Result<Vec<String>, StoreError> {
    Ok(with_conn!(lectura.conn(), c => sqlx::query_scalar(
        "SELECT DISTINCT m.sha256 FROM multimedia m WHERE m.estado = 'subido'
            AND NOT EXISTS (SELECT 1 FROM objetos o WHERE o.sha256 = m.sha256)
         ORDER BY m.sha256 LIMIT 1000")
        .fetch_all(&mut **c).await)?)
}

impl Store {
    /// Of all objects together.
    pub async fn total_blob_bytes(&self) -> Result<i64, StoreError> {
        let mut lectura = self.read().await?;
        Ok(with_conn!(lectura.conn(), c => sqlx::query_scalar(
            "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM objetos")
            .fetch_one(&mut **c).await)?)
    }
}

/// A new one, whose key is noted in `basura` until here; or the one that is there, and then the new
/// one's key stays where it is noted: true. Something refers to it from now on.
pub(super) async fn retain(tx: &mut Tx<'_>, nuevo: &NewBlob<'_>) -> Result<bool, StoreError> {
    let clave: String = with_conn!(tx.conn, c => sqlx::query_scalar(
        "INSERT INTO objetos (sha256, bytes, tipo, clave, creado, vistas)
         VALUES ($1, $2, $3, $4, $5, 'pendientes')
         ON CONFLICT (sha256) DO UPDATE SET sin_uso_desde = NULL RETURNING clave")
        .bind(nuevo.sha256).bind(nuevo.bytes).bind(nuevo.tipo).bind(nuevo.clave).bind(tx.ahora.0)
        .fetch_one(&mut **c).await)?;
    if clave == nuevo.clave {
        clear_garbage_mark(tx, nuevo.clave).await?;
        return Ok(false);
    }
    mark_garbage(tx, nuevo.clave).await?;
    Ok(true)
}

/// Bytes that were just written to the store.
pub(super) struct NewBlob<'a> {
    pub(super) sha256: &'a str,
    pub(super) bytes: i64,
    pub(super) tipo: &'a str,
    pub(super) clave: &'a str,
}

/// Something ceased to refer to it; when it was the last, the time begins after which it goes.
pub(super) async fn release(tx: &mut Tx<'_>, sha256: &str) -> Result<(), StoreError> {
    // A statement of its own: on PostgreSQL the next one sees what whoever held the lock wrote.
    with_conn!(tx.conn, c => sqlx::query("UPDATE objetos SET sin_uso_desde = NULL WHERE sha256 = $1")
        .bind(sha256).execute(&mut **c).await.map(drop))?;
    with_conn!(tx.conn, c => sqlx::query(
        "UPDATE objetos SET sin_uso_desde = $2 WHERE sha256 = $1
            AND NOT EXISTS (SELECT 1 FROM multimedia m WHERE m.sha256 = $1 AND m.estado = 'subido')
            AND NOT EXISTS (SELECT 1 FROM subidas s WHERE s.sha256 = $1
                AND s.terminada IS NOT NULL AND s.adoptada IS NULL)")
        .bind(sha256).bind(tx.ahora.0).execute(&mut **c).await.map(drop))?;
    Ok(())
}

/// Notes a key before something is written there: whatever happens then, it is not forgotten.
#[derive(Debug)]
pub struct RecordBlobKey(pub String);

impl Write for RecordBlobKey {
    type Out = ();
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        mark_garbage(tx, &self.0).await
    }
}

/// Keys that nothing needs since then or longer.
pub async fn list_garbage(
    lectura: &mut ReadConn,
    hasta: Instante,
    limite: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(with_conn!(lectura.conn(), c => sqlx::query_scalar(
        "SELECT clave FROM basura WHERE desde <= $1 ORDER BY desde LIMIT $2")
        .bind(hasta.0).bind(limite).fetch_all(&mut **c).await)?)
}

/// What was at a key is gone from the store.
#[derive(Debug)]
pub struct ForgetBlobKey(pub String);

impl Write for ForgetBlobKey {
    type Out = ();
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        clear_garbage_mark(tx, &self.0).await
    }
}

/// A key that something needs from now on, or at which nothing is any more.
pub(super) async fn clear_garbage_mark(tx: &mut Tx<'_>, clave: &str) -> Result<(), StoreError> {
    with_conn!(tx.conn, c => sqlx::query("DELETE FROM basura WHERE clave = $1").bind(clave)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}
