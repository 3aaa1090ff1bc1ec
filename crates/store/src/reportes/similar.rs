//! Reports that may tell of the same danger: those of the same area that were made about the same time.

use sigra_domain::{Instante, Quien};
use sigra_store_macros::FromRow;

use crate::{ReadConn, StoreError, db::with_conn};

/// How far apart in time, by the phones' clocks, in milliseconds.
const WEEK: i64 = 7 * Instante::DAY;
/// The most that are looked at on either side of the report's moment, nearest first.
const MAX_PER_SIDE: i64 = 1_000;

/// A report beside another.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SimilarReporte {
    pub id: i64,
    pub uuid_cliente: String,
    pub titulo: String,
    pub rut: i64,
    pub severidad_id: i64,
    pub estado_id: i64,
    pub fecha_reporte: String,
    pub hora_creado: i64,
    /// The texts, folded; their beginning.
    pub texto: String,
}

/// `$visibles`: those that the caller may see; a worker's own are few.
macro_rules! neighbours {
    ($visibles:literal, $lado:literal) => {
        concat!(
            "SELECT r.id, r.uuid_cliente, r.titulo, r.rut, r.severidad_id, r.estado_id,
                r.fecha_reporte, r.hora_creado, substr(r.busqueda, 1, $5) AS texto
             FROM reportes r
             WHERE r.area_id = $1 AND r.id <> $2 AND r.retirado_en IS NULL AND ",
            $visibles,
            " AND ",
            $lado,
            " LIMIT $6"
        )
    };
}

/// The neighbours of a report that `quien` may see.
pub async fn neighbours(
    lectura: &mut ReadConn,
    quien: &Quien,
    (id, area_id, hora_creado): (i64, i64, Instante),
    caracteres: i32,
) -> Result<Vec<SimilarReporte>, StoreError> {
    let sql = if quien.can_decide(area_id) {
        [
            neighbours!(
                "$3 = $3",
                "r.hora_creado BETWEEN $4 - $7 AND $4 ORDER BY r.hora_creado DESC, r.id DESC"
            ),
            neighbours!(
                "$3 = $3",
                "r.hora_creado BETWEEN $4 + 1 AND $4 + $7 ORDER BY r.hora_creado, r.id"
            ),
        ]
    } else {
        [
            neighbours!(
                "r.rut = $3",
                "r.hora_creado BETWEEN $4 - $7 AND $4 ORDER BY r.hora_creado DESC, r.id DESC"
            ),
            neighbours!(
                "r.rut = $3",
                "r.hora_creado BETWEEN $4 + 1 AND $4 + $7 ORDER BY r.hora_creado, r.id"
            ),
        ]
    };
    let mut todos = vec![];
    for sql in sql {
        let mas: Vec<SimilarReporte> = with_conn!(lectura.conn(), c => sqlx::query_as(sql)
            .bind(area_id).bind(id).bind(quien.rut.body()).bind(hora_creado.0)
            .bind(caracteres).bind(MAX_PER_SIDE).bind(WEEK).fetch_all(&mut **c).await)?;
        todos.extend(mas);
    }
    Ok(todos)
}
