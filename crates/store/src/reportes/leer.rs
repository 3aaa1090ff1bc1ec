//! One report.

use sigra_domain::Rut;

use super::{
    ReporteLeido,
    fila::{Fila, seleccion},
};
use crate::{
    Fallo, Lectura,
    db::{Conn, con, json},
};

/// Which report.
#[derive(Clone, Debug)]
pub enum Cual {
    Id(i64),
    /// Lower case.
    Uuid(String),
}

/// The report, whoever asks: callers ask [`sigra_domain::Quien::puede_ver`] before they show it.
pub async fn reporte(lectura: &mut Lectura, cual: &Cual) -> Result<Option<ReporteLeido>, Fallo> {
    busca(&mut lectura.conn(), cual, false).await
}

/// `bloquea`: the row stays locked until the transaction ends (SQLite's writer is alone anyway); who only
/// writes rows that refer to it does not wait.
pub(crate) async fn busca(
    conn: &mut Conn<'_>,
    cual: &Cual,
    bloquea: bool,
) -> Result<Option<ReporteLeido>, Fallo> {
    const ID: [&str; 2] = seleccion!("WHERE r.id = $1");
    const ID_BLOQUEA: [&str; 2] = seleccion!("WHERE r.id = $1 FOR NO KEY UPDATE OF r");
    const UUID: [&str; 2] = seleccion!("WHERE r.uuid_cliente = $1");
    const UUID_BLOQUEA: [&str; 2] = seleccion!("WHERE r.uuid_cliente = $1 FOR NO KEY UPDATE OF r");
    let fila: Option<Fila> = match cual {
        Cual::Id(id) => {
            let sql = conn.elige(ID[0], if bloquea { ID_BLOQUEA[1] } else { ID[1] });
            con!(*conn, c => sqlx::query_as(sql).bind(*id).fetch_optional(&mut **c).await)?
        }
        Cual::Uuid(uuid) => {
            let sql = conn.elige(UUID[0], if bloquea { UUID_BLOQUEA[1] } else { UUID[1] });
            con!(*conn, c => sqlx::query_as(sql).bind(uuid.clone()).fetch_optional(&mut **c).await)?
        }
    };
    fila.map(Fila::leida).transpose()
}

/// The reports with these uuids, whoever asks, in no order.
pub(crate) async fn de_uuids(
    conn: &mut Conn<'_>,
    uuids: &[&str],
) -> Result<Vec<ReporteLeido>, Fallo> {
    const SQL: [&str; 2] = [
        seleccion!("WHERE r.uuid_cliente IN (SELECT value FROM json_each($1))")[0],
        seleccion!(
            "WHERE r.uuid_cliente IN (SELECT value FROM json_array_elements_text(CAST($1 AS JSON)))"
        )[1],
    ];
    let sql = conn.elige(SQL[0], SQL[1]);
    let filas: Vec<Fila> =
        con!(*conn, c => sqlx::query_as(sql).bind(json(uuids)?).fetch_all(&mut **c).await)?;
    filas.into_iter().map(Fila::leida).collect()
}

/// Locks `autor`'s reports with these uuids, in the order of the uuids: two that lock several don't
/// wait for each other in a circle. What it waited for is seen by the statements after it.
pub(crate) async fn bloquea(conn: &mut Conn<'_>, uuids: &[&str], autor: Rut) -> Result<(), Fallo> {
    if let Conn::Postgres(c) = conn {
        sqlx::query(
            "SELECT 1 FROM reportes WHERE uuid_cliente = ANY($1) AND rut = $2
             ORDER BY uuid_cliente COLLATE \"C\" FOR NO KEY UPDATE",
        )
        .bind(uuids)
        .bind(autor.cuerpo())
        .execute(&mut **c)
        .await?;
    }
    Ok(())
}
