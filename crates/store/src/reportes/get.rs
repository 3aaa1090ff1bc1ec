//! One report.

use sigra_domain::Rut;

use super::{
    StoredReporte,
    row::{Row, select_columns},
};
use crate::{
    ReadConn, StoreError,
    db::{Conn, json, with_conn},
};

/// Which report.
#[derive(Clone, Debug)]
pub enum ReporteRef {
    Id(i64),
    /// Lower case.
    Uuid(String),
}

/// The report, whoever asks: callers ask [`sigra_domain::Quien::can_see`] before they show it.
pub async fn reporte(
    lectura: &mut ReadConn,
    target: &ReporteRef,
) -> Result<Option<StoredReporte>, StoreError> {
    find(&mut lectura.conn(), target, false).await
}

/// `bloquea`: the row stays locked until the transaction ends (SQLite's writer is alone anyway); who only
/// writes rows that refer to it does not wait.
pub(crate) async fn find(
    conn: &mut Conn<'_>,
    target: &ReporteRef,
    bloquea: bool,
) -> Result<Option<StoredReporte>, StoreError> {
    const BY_ID: [&str; 2] = select_columns!("WHERE r.id = $1");
    const BY_ID_FOR_UPDATE: [&str; 2] = select_columns!("WHERE r.id = $1 FOR NO KEY UPDATE OF r");
    const BY_UUID: [&str; 2] = select_columns!("WHERE r.uuid_cliente = $1");
    const BY_UUID_FOR_UPDATE: [&str; 2] =
        select_columns!("WHERE r.uuid_cliente = $1 FOR NO KEY UPDATE OF r");
    let fila: Option<Row> = match target {
        ReporteRef::Id(id) => {
            let sql = conn.pick(
                BY_ID[0],
                if bloquea {
                    BY_ID_FOR_UPDATE[1]
                } else {
                    BY_ID[1]
                },
            );
            with_conn!(*conn, c => sqlx::query_as(sql).bind(*id).fetch_optional(&mut **c).await)?
        }
        ReporteRef::Uuid(uuid) => {
            let sql = conn.pick(
                BY_UUID[0],
                if bloquea {
                    BY_UUID_FOR_UPDATE[1]
                } else {
                    BY_UUID[1]
                },
            );
            with_conn!(*conn, c => sqlx::query_as(sql).bind(uuid.clone()).fetch_optional(&mut **c).await)?
        }
    };
    fila.map(Row::decode).transpose()
}

/// The reports with these uuids, whoever asks, in no order.
pub(crate) async fn find_by_uuids(
    conn: &mut Conn<'_>,
    uuids: &[&str],
) -> Result<Vec<StoredReporte>, StoreError> {
    const SQL: [&str; 2] = [
        select_columns!("WHERE r.uuid_cliente IN (SELECT value FROM json_each($1))")[0],
        select_columns!(
            "WHERE r.uuid_cliente IN (SELECT value FROM json_array_elements_text(CAST($1 AS JSON)))"
        )[1],
    ];
    let sql = conn.pick(SQL[0], SQL[1]);
    let rows: Vec<Row> =
        with_conn!(*conn, c => sqlx::query_as(sql).bind(json(uuids)?).fetch_all(&mut **c).await)?;
    rows.into_iter().map(Row::decode).collect()
}

/// Locks `autor`'s reports with these uuids, in the order of the uuids: two that lock several don't
/// wait for each other in a circle. What it waited for is seen by the statements after it.
pub(crate) async fn lock_by_uuids(
    conn: &mut Conn<'_>,
    uuids: &[&str],
    autor: Rut,
) -> Result<(), StoreError> {
    if let Conn::Postgres(c) = conn {
        sqlx::query(
            "SELECT 1 FROM reportes WHERE uuid_cliente = ANY($1) AND rut = $2
             ORDER BY uuid_cliente COLLATE \"C\" FOR NO KEY UPDATE",
        )
        .bind(uuids)
        .bind(autor.body())
        .execute(&mut **c)
        .await?;
    }
    Ok(())
}
