//! How a person's sync stands.

use sigra_domain::{Instante, Rut, reporte::SyncStatus};
use sqlx::FromRow;

use crate::{
    Fallo, Lectura,
    db::con,
    reportes::{
        ReporteLeido,
        fila::{Fila, seleccion},
    },
};

/// A report of theirs that is not complete.
#[derive(Debug)]
pub struct Pendiente {
    pub leido: ReporteLeido,
    pub motivo: SyncStatus,
}

#[derive(Debug)]
pub struct Estado {
    /// Of the phone, or of any of theirs when none is named.
    pub last_sync: Option<Instante>,
    /// Reports of theirs that are not complete.
    pub pending_count: i64,
    /// The first of them, oldest first.
    pub pendientes: Vec<Pendiente>,
}

#[derive(FromRow)]
struct Cuentas {
    last_sync: Option<i64>,
    pending_count: i64,
}

/// Up to `limite` incomplete reports of one author.
pub async fn estado(
    lectura: &mut Lectura,
    rut: Rut,
    device_id: Option<&str>,
    limite: i64,
) -> Result<Estado, Fallo> {
    const SQL: [&str; 2] = seleccion!(
        "WHERE r.rut = $1 AND r.sync_status <> 'completo' AND r.retirado_en IS NULL
         ORDER BY r.hora_creado, r.id LIMIT $2"
    );
    let cuentas: Cuentas = con!(lectura.conn(), c => sqlx::query_as(
        "SELECT (SELECT max(last_sync) FROM dispositivos
                WHERE rut = $1 AND ($2 IS NULL OR device_id = $2)) AS last_sync,
            (SELECT count(*) FROM reportes WHERE rut = $1 AND sync_status <> 'completo'
                AND retirado_en IS NULL) AS pending_count")
        .bind(rut.cuerpo()).bind(device_id).fetch_one(&mut **c).await)?;
    let mut conn = lectura.conn();
    let sql = conn.elige(SQL[0], SQL[1]);
    let filas: Vec<Fila> = con!(conn, c => sqlx::query_as(sql)
        .bind(rut.cuerpo()).bind(limite).fetch_all(&mut **c).await)?;
    let pendientes = filas.into_iter().map(|f| {
        let leido = f.leida()?;
        let motivo = leido.reporte.sync_status;
        Ok(Pendiente { leido, motivo })
    });
    Ok(Estado {
        last_sync: cuentas.last_sync.map(Instante),
        pending_count: cuentas.pending_count,
        pendientes: pendientes.collect::<Result<_, Fallo>>()?,
    })
}
