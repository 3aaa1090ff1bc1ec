//! One report.

use super::{
    ReporteLeido,
    fila::{Fila, seleccion},
};
use crate::{
    Fallo, Lectura,
    db::{Conn, con},
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

/// `bloquea`: the row stays locked until the transaction ends (SQLite's writer is alone anyway).
pub(crate) async fn busca(
    conn: &mut Conn<'_>,
    cual: &Cual,
    bloquea: bool,
) -> Result<Option<ReporteLeido>, Fallo> {
    const ID: [&str; 2] = seleccion!("WHERE r.id = $1");
    const ID_BLOQUEA: [&str; 2] = seleccion!("WHERE r.id = $1 FOR UPDATE OF r");
    const UUID: [&str; 2] = seleccion!("WHERE r.uuid_cliente = $1");
    const UUID_BLOQUEA: [&str; 2] = seleccion!("WHERE r.uuid_cliente = $1 FOR UPDATE OF r");
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
