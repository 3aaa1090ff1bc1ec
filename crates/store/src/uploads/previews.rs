//! Small copies are made in the background, by whichever server comes first.

use super::{
    blobs::{Blob, COLUMNS, clear_garbage_mark},
    resumable::mark_garbage,
};
use crate::{StoreError, Tx, Write, db::with_conn};

/// How often a file is tried: one that takes its server down with it is left alone after that.
const MAX_ATTEMPTS: i64 = 3;
/// Milliseconds until the next try when the store does not answer.
const RETRY_DELAY: i64 = 30_000;
/// Milliseconds that a server may be at one.
const LEASE: i64 = 5 * 60_000;

/// Takes a file that has no copies yet.
#[derive(Debug)]
pub struct ClaimPreviews;

impl Write for ClaimPreviews {
    type Out = Option<Blob>;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Blob>, StoreError> {
        with_conn!(tx.conn, c => sqlx::query(
            "UPDATE objetos SET vistas = 'ninguna' WHERE vistas = 'pendientes' AND intentos >= $1
                AND (reclamado_hasta IS NULL OR reclamado_hasta <= $2)")
            .bind(MAX_ATTEMPTS).bind(tx.ahora.0).execute(&mut **c).await.map(drop))?;
        let solo_uno = tx.conn.pick("", "FOR UPDATE SKIP LOCKED");
        let sql = sqlx::AssertSqlSafe(format!(
            "UPDATE objetos SET reclamado_hasta = $2, intentos = intentos + 1 WHERE sha256 = (
                SELECT sha256 FROM objetos WHERE vistas = 'pendientes'
                    AND (reclamado_hasta IS NULL OR reclamado_hasta <= $1)
                ORDER BY creado, sha256 LIMIT 1 {solo_uno})
             RETURNING {COLUMNS}"
        ));
        Ok(
            with_conn!(tx.conn, c => sqlx::query_as(sql).bind(tx.ahora.0).bind(tx.ahora.plus(LEASE).0)
            .fetch_optional(&mut **c).await)?,
        )
    }
}

/// Gives a file back untried: the store did not answer.
#[derive(Debug)]
pub struct ReleasePreviews(pub String);

impl Write for ReleasePreviews {
    type Out = ();
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        with_conn!(tx.conn, c => sqlx::query(
            "UPDATE objetos SET reclamado_hasta = $2, intentos = intentos - 1
             WHERE sha256 = $1 AND vistas = 'pendientes'")
            .bind(self.0.as_str()).bind(tx.ahora.plus(RETRY_DELAY).0).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}

/// A small copy in the store, whose key was noted with [`RecordBlobKey`](super::RecordBlobKey) before.
#[derive(Clone, Debug)]
pub struct StoredPreview {
    pub clave: String,
    pub bytes: i64,
}

/// What came of a file.
#[derive(Debug)]
pub struct SavePreviews {
    pub sha256: String,
    /// For a list and for a screen.
    pub copias: Option<(StoredPreview, StoredPreview)>,
    /// JSON; `None` when no copy without location can be given.
    pub recortes: Option<String>,
}

impl Write for SavePreviews {
    /// Whether it was still wanted: if not, the keys stay where they are noted.
    type Out = bool;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let (miniatura, vista) = self.copias.as_ref().map(|(m, v)| (m, v)).unzip();
        let hecho = with_conn!(tx.conn, c => sqlx::query(
            "UPDATE objetos SET vistas = $2, clave_miniatura = $3, bytes_miniatura = $4, clave_vista = $5,
                bytes_vista = $6, recortes = $7, reclamado_hasta = NULL
             WHERE sha256 = $1 AND vistas = 'pendientes'")
            .bind(self.sha256.as_str())
            .bind(if self.copias.is_some() { "listas" } else { "ninguna" })
            .bind(miniatura.map(|c| c.clave.as_str())).bind(miniatura.map(|c| c.bytes))
            .bind(vista.map(|c| c.clave.as_str())).bind(vista.map(|c| c.bytes))
            .bind(self.recortes.as_deref())
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        for copia in [miniatura, vista].into_iter().flatten() {
            if hecho == 0 {
                mark_garbage(tx, &copia.clave).await?;
            } else {
                clear_garbage_mark(tx, &copia.clave).await?;
            }
        }
        Ok(hecho > 0)
    }
}
