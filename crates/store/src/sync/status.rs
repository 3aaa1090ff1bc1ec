//! How a person's sync stands.

use sigra_domain::{Instante, Rut, reporte::SyncStatus};
use sigra_store_macros::FromRow;

use crate::{
    ReadConn, StoreError,
    db::with_conn,
    reportes::{
        StoredReporte,
        row::{Row, select_columns},
    },
};

/// A report of theirs that is not complete.
#[derive(Debug)]
pub struct PendingReporte {
    pub leido: StoredReporte,
    pub motivo: SyncStatus,
}

#[derive(Debug)]
pub struct SyncState {
    /// Of the phone, or of any of theirs when none is named.
    pub last_sync: Option<Instante>,
    /// Reports of theirs that are not complete.
    pub pending_count: i64,
    /// The first of them, oldest first.
    pub pendientes: Vec<PendingReporte>,
}

#[derive(FromRow)]
struct StatusCounts {
    last_sync: Option<i64>,
    pending_count: i64,
}

/// Up to `limite` incomplete reports of one author.
pub async fn load_status(
    lectura: &mut ReadConn,
    rut: Rut,
    device_id: Option<&str>,
    limite: i64,
) -> Result<SyncState, StoreError> {
    const SQL: [&str; 2] = select_columns!(
        "WHERE r.rut = $1 AND r.sync_status <> 'completo' AND r.retirado_en IS NULL
         ORDER BY r.hora_creado, r.id LIMIT $2"
    );
    let cuentas: StatusCounts = with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT (SELECT max(last_sync) FROM dispositivos
                WHERE rut = $1 AND ($2 IS NULL OR device_id = $2)) AS last_sync,
            (SELECT count(*) FROM reportes WHERE rut = $1 AND sync_status <> 'completo'
                AND retirado_en IS NULL) AS pending_count")
        .bind(rut.body()).bind(device_id).fetch_one(&mut **c).await)?;
    let mut conn = lectura.conn();
    let sql = conn.pick(SQL[0], SQL[1]);
    let rows: Vec<Row> = with_conn!(conn, c => sqlx::query_as(sql)
        .bind(rut.body()).bind(limite).fetch_all(&mut **c).await)?;
    let pendientes = rows.into_iter().map(|f| {
        let leido = f.decode()?;
        let motivo = leido.reporte.sync_status;
        Ok(PendingReporte { leido, motivo })
    });
    Ok(SyncState {
        last_sync: cuentas.last_sync.map(Instante),
        pending_count: cuentas.pending_count,
        pendientes: pendientes.collect::<Result<_, StoreError>>()?,
    })
}
