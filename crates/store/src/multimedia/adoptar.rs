//! A report takes a file that has arrived. Upload and report come in any order, each in a transaction
//! of its own; after either, and now and then, whoever is there looks whether the other is too. So no
//! order of the two commits leaves a file without its report.

use sigra_domain::Quien;
use sqlx::FromRow;

use super::cambio::llega;
use crate::{
    Fallo, Lectura, Tx, Write,
    db::{con, json},
    reportes::{Cual, ReporteLeido, leer::busca},
};

/// How long a client that lost the answer may still ask how its upload ended, in milliseconds.
const MEMORIA: i64 = 24 * 60 * 60 * 1_000;

/// Gives a finished upload to the report that names it, if there is one.
#[derive(Debug)]
pub struct Adoptar {
    /// Who sent it, as the database knows them now.
    pub quien: Quien,
    pub subida_id: String,
}

#[derive(FromRow)]
struct Lista {
    multimedia_uuid: String,
    reporte_uuid: Option<String>,
    bytes: i64,
    sha256: String,
}

#[derive(FromRow)]
struct Candidata {
    multimedia_id: i64,
    reporte_id: i64,
}

impl Write for Adoptar {
    /// The report with its file; `None` while there is none.
    type Out = Option<ReporteLeido>;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<ReporteLeido>, Fallo> {
        // Locks it: of two adoptions the second finds nothing to do.
        let lista: Option<Lista> = con!(tx.conn, c => sqlx::query_as(
            "UPDATE subidas SET turno = turno WHERE id = $1 AND rut = $2 AND terminada IS NOT NULL
                AND adoptada IS NULL RETURNING multimedia_uuid, reporte_uuid, bytes, sha256")
            .bind(self.subida_id.as_str()).bind(self.quien.rut.cuerpo())
            .fetch_optional(&mut **c).await)?;
        let Some(lista) = lista else {
            return Ok(None);
        };
        for candidata in self.candidatas(tx, &lista).await? {
            let cual = Cual::Id(candidata.reporte_id);
            let Some(leido) = busca(&mut tx.conn, &cual, true).await? else {
                continue;
            };
            let r = &leido.reporte;
            let mut archivos = leido.archivos.iter();
            let espera =
                archivos.any(|a| a.id == candidata.multimedia_id && a.estado.admite_bytes());
            let suyo = self.quien.puede_editar(r.rut, r.contenido.area_id);
            if suyo && espera && r.retirado_en.is_none() {
                return self
                    .adopta(tx, leido, candidata.multimedia_id)
                    .await
                    .map(Some);
            }
        }
        Ok(None)
    }
}

impl Adoptar {
    /// Their own reports first.
    async fn candidatas(&self, tx: &mut Tx<'_>, lista: &Lista) -> Result<Vec<Candidata>, Fallo> {
        Ok(con!(tx.conn, c => sqlx::query_as(
            "SELECT m.id AS multimedia_id, r.id AS reporte_id
             FROM multimedia m JOIN reportes r ON r.id = m.reporte_id
             WHERE m.uuid_cliente = $1 AND m.sha256 = $2 AND m.bytes = $3
                AND m.estado IN ('pendiente', 'renunciado') AND ($4 IS NULL OR r.uuid_cliente = $4)
             ORDER BY CASE WHEN r.rut = $5 THEN 0 ELSE 1 END, r.id")
            .bind(lista.multimedia_uuid.as_str()).bind(lista.sha256.as_str()).bind(lista.bytes)
            .bind(lista.reporte_uuid.as_deref()).bind(self.quien.rut.cuerpo())
            .fetch_all(&mut **c).await)?)
    }

    async fn adopta(
        &self,
        tx: &mut Tx<'_>,
        leido: ReporteLeido,
        multimedia_id: i64,
    ) -> Result<ReporteLeido, Fallo> {
        let viejo = leido.reporte.clone();
        let leido = llega(tx, &self.quien, &viejo, leido, multimedia_id).await?;
        con!(tx.conn, c => sqlx::query("UPDATE subidas SET adoptada = $2, expira = $3 WHERE id = $1")
            .bind(self.subida_id.as_str()).bind(tx.ahora.0).bind(tx.ahora.mas(MEMORIA).0)
            .execute(&mut **c).await.map(drop))?;
        Ok(leido)
    }
}

/// The finished uploads of somebody that wait for one of these files, by their uuids.
pub async fn en_espera(
    lectura: &mut Lectura,
    rut: sigra_domain::Rut,
    uuids: &[&str],
) -> Result<Vec<String>, Fallo> {
    let mut conn = lectura.conn();
    let sql = conn.elige(
        "SELECT id FROM subidas WHERE rut = $1 AND terminada IS NOT NULL AND adoptada IS NULL
            AND multimedia_uuid IN (SELECT value FROM json_each($2))",
        "SELECT id FROM subidas WHERE rut = $1 AND terminada IS NOT NULL AND adoptada IS NULL
            AND multimedia_uuid IN (SELECT value FROM json_array_elements_text(CAST($2 AS JSON)))",
    );
    Ok(
        con!(conn, c => sqlx::query_scalar(sql).bind(rut.cuerpo()).bind(json(uuids)?)
        .fetch_all(&mut **c).await)?,
    )
}

/// Finished uploads, with whose they are, of which a report waits for its file: their server fell in
/// between. Oldest first.
pub async fn atrasadas(lectura: &mut Lectura, limite: i64) -> Result<Vec<(String, i64)>, Fallo> {
    Ok(con!(lectura.conn(), c => sqlx::query_as(
        "SELECT s.id, s.rut FROM subidas s
         WHERE s.terminada IS NOT NULL AND s.adoptada IS NULL AND EXISTS (
            SELECT 1 FROM multimedia m JOIN reportes r ON r.id = m.reporte_id
            WHERE m.uuid_cliente = s.multimedia_uuid AND m.sha256 = s.sha256 AND m.bytes = s.bytes
                AND m.estado IN ('pendiente', 'renunciado') AND r.retirado_en IS NULL
                AND (s.reporte_uuid IS NULL OR r.uuid_cliente = s.reporte_uuid))
         ORDER BY s.terminada LIMIT $1")
        .bind(limite).fetch_all(&mut **c).await)?)
}
