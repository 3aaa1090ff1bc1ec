//! A report takes a file that has arrived. Upload and report come in any order, each in a transaction
//! of its own; after either, and now and then, whoever is there looks whether the other is too. So no
//! order of the two commits leaves a file without its report.

use sigra_domain::Quien;
use sigra_store_macros::FromRow;

use super::change::mark_uploaded;
use crate::{
    ReadConn, StoreError, Tx, Write,
    db::{json, with_conn},
    reportes::{ReporteRef, StoredReporte, get::find},
};

/// How long a client that lost the answer may still ask how its upload ended, in milliseconds.
const RESULT_RETENTION: i64 = 24 * 60 * 60 * 1_000;

/// Gives a finished upload to the report that names it, if there is one.
#[derive(Debug)]
pub struct AdoptUpload {
    /// Who sent it, as the database knows them now.
    pub quien: Quien,
    pub subida_id: String,
}

#[derive(FromRow)]
struct FinishedUpload {
    multimedia_uuid: String,
    reporte_uuid: Option<String>,
    bytes: i64,
    sha256: String,
}

#[derive(FromRow)]
struct AdoptionTarget {
    multimedia_id: i64,
    reporte_id: i64,
}

impl Write for AdoptUpload {
    /// The report with its file; `None` while there is none.
    type Out = Option<StoredReporte>;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<StoredReporte>, StoreError> {
        // Locks it: of two adoptions the second finds nothing to do.
        let lista: Option<FinishedUpload> = with_conn!(tx.conn, c => sqlx::query_as(
            "UPDATE subidas SET turno = turno WHERE id = $1 AND rut = $2 AND terminada IS NOT NULL
                AND adoptada IS NULL RETURNING multimedia_uuid, reporte_uuid, bytes, sha256")
            .bind(self.subida_id.as_str()).bind(self.quien.rut.body())
            .fetch_optional(&mut **c).await)?;
        let Some(lista) = lista else {
            return Ok(None);
        };
        for candidata in self.find_candidates(tx, &lista).await? {
            let cual = ReporteRef::Id(candidata.reporte_id);
            let Some(leido) = find(&mut tx.conn, &cual, true).await? else {
                continue;
            };
            let r = &leido.reporte;
            let mut archivos = leido.archivos.iter();
            let espera =
                archivos.any(|a| a.id == candidata.multimedia_id && a.estado.accepts_bytes());
            let suyo = self.quien.can_edit(r.rut, r.contenido.area_id);
            if suyo && espera && r.retirado_en.is_none() {
                return self
                    .adopt(tx, leido, candidata.multimedia_id)
                    .await
                    .map(Some);
            }
        }
        Ok(None)
    }
}

impl AdoptUpload {
    /// Their own reports first.
    async fn find_candidates(
        &self,
        tx: &mut Tx<'_>,
        lista: &FinishedUpload,
    ) -> Result<Vec<AdoptionTarget>, StoreError> {
        Ok(with_conn!(tx.conn, c => sqlx::query_as(
            "SELECT m.id AS multimedia_id, r.id AS reporte_id
             FROM multimedia m JOIN reportes r ON r.id = m.reporte_id
             WHERE m.uuid_cliente = $1 AND m.sha256 = $2 AND m.bytes = $3
                AND m.estado IN ('pendiente', 'renunciado') AND ($4 IS NULL OR r.uuid_cliente = $4)
             ORDER BY CASE WHEN r.rut = $5 THEN 0 ELSE 1 END, r.id")
            .bind(lista.multimedia_uuid.as_str()).bind(lista.sha256.as_str()).bind(lista.bytes)
            .bind(lista.reporte_uuid.as_deref()).bind(self.quien.rut.body())
            .fetch_all(&mut **c).await)?)
    }

    async fn adopt(
        &self,
        tx: &mut Tx<'_>,
        leido: StoredReporte,
        multimedia_id: i64,
    ) -> Result<StoredReporte, StoreError> {
        let viejo = leido.reporte.clone();
        let leido = mark_uploaded(tx, &self.quien, &viejo, leido, multimedia_id).await?;
        with_conn!(tx.conn, c => sqlx::query("UPDATE subidas SET adoptada = $2, expira = $3 WHERE id = $1")
            .bind(self.subida_id.as_str()).bind(tx.ahora.0).bind(tx.ahora.plus(RESULT_RETENTION).0)
            .execute(&mut **c).await.map(drop))?;
        Ok(leido)
    }
}

/// The finished uploads of somebody that wait for one of these files, by their uuids.
pub async fn waiting_uploads(
    lectura: &mut ReadConn,
    rut: sigra_domain::Rut,
    uuids: &[&str],
) -> Result<Vec<String>, StoreError> {
    let mut conn = lectura.conn();
    let sql = conn.pick(
        "SELECT id FROM subidas WHERE rut = $1 AND terminada IS NOT NULL AND adoptada IS NULL
            AND multimedia_uuid IN (SELECT value FROM json_each($2))",
        "SELECT id FROM subidas WHERE rut = $1 AND terminada IS NOT NULL AND adoptada IS NULL
            AND multimedia_uuid IN (SELECT value FROM json_array_elements_text(CAST($2 AS JSON)))",
    );
    Ok(
        with_conn!(conn, c => sqlx::query_scalar(sql).bind(rut.body()).bind(json(uuids)?)
        .fetch_all(&mut **c).await)?,
    )
}

/// Finished uploads, with whose they are, of which a report waits for its file: their server fell in
/// between. Oldest first.
pub async fn pending_adoption(
    lectura: &mut ReadConn,
    limite: i64,
) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT s.id, s.rut FROM subidas s
         WHERE s.terminada IS NOT NULL AND s.adoptada IS NULL AND EXISTS (
            SELECT 1 FROM multimedia m JOIN reportes r ON r.id = m.reporte_id
            WHERE m.uuid_cliente = s.multimedia_uuid AND m.sha256 = s.sha256 AND m.bytes = s.bytes
                AND m.estado IN ('pendiente', 'renunciado') AND r.retirado_en IS NULL
                AND (s.reporte_uuid IS NULL OR r.uuid_cliente = s.reporte_uuid))
         ORDER BY s.terminada LIMIT $1")
        .bind(limite).fetch_all(&mut **c).await)?)
}
