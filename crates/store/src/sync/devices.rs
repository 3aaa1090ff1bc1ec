//! Phones as they present themselves at each batch.

use sigra_domain::{Instante, Rut};
use sigra_store_macros::FromRow;

use crate::{ReadConn, StoreError, Tx, db::with_conn};

/// What a phone says of itself in a batch, and how far its clock is off.
#[derive(Clone, Debug)]
pub struct Presence {
    /// 1–64 visible ASCII characters.
    pub device_id: String,
    pub app_version: Option<String>,
    /// Reports that it still holds.
    pub pendientes: Option<i64>,
    /// The server's clock less the phone's.
    pub desfase_reloj_ms: i64,
}

/// Keeps it; the last statement of its transaction, since two batches of one phone wait here for each
/// other.
pub(super) async fn record(tx: &mut Tx<'_>, rut: Rut, p: &Presence) -> Result<(), StoreError> {
    with_conn!(tx.conn, c => sqlx::query(
        "INSERT INTO dispositivos (device_id, rut, app_version, primer_sync, last_sync,
            desfase_reloj_ms, pendientes) VALUES ($1, $2, $3, $4, $4, $5, $6)
         ON CONFLICT (device_id, rut) DO UPDATE SET
            app_version = coalesce(excluded.app_version, dispositivos.app_version),
            last_sync = excluded.last_sync, desfase_reloj_ms = excluded.desfase_reloj_ms,
            pendientes = excluded.pendientes")
        .bind(p.device_id.as_str()).bind(rut.body()).bind(p.app_version.as_deref())
        .bind(tx.ahora.0).bind(p.desfase_reloj_ms).bind(p.pendientes)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}

/// A phone and one of the people who use it.
#[derive(Clone, Debug)]
pub struct Dispositivo {
    pub device_id: String,
    pub rut: i64,
    /// Name and first surname.
    pub nombre: String,
    pub app_version: Option<String>,
    pub primer_sync: Instante,
    pub last_sync: Instante,
    /// When it was last seen, whoever used it of those who still may.
    pub visto: Instante,
    pub desfase_reloj_ms: i64,
    pub pendientes: Option<i64>,
}

#[derive(FromRow)]
struct Row {
    device_id: String,
    rut: i64,
    nombre: String,
    apellido_1: String,
    app_version: Option<String>,
    primer_sync: i64,
    last_sync: i64,
    visto: i64,
    desfase_reloj_ms: i64,
    pendientes: Option<i64>,
}

/// Up to `limite` of them by device and person, after the given one.
pub async fn dispositivos(
    lectura: &mut ReadConn,
    despues_de: Option<&(String, i64)>,
    limite: i64,
) -> Result<Vec<Dispositivo>, StoreError> {
    let (device_id, rut) = despues_de.cloned().unwrap_or_default();
    let rows: Vec<Row> = with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT d.device_id, d.rut, u.nombre, u.apellido_1, d.app_version, d.primer_sync,
            d.last_sync, d.desfase_reloj_ms, d.pendientes,
            coalesce((SELECT max(o.last_sync) FROM dispositivos o JOIN usuarios w ON w.rut = o.rut
                WHERE o.device_id = d.device_id AND w.activo), d.last_sync) AS visto
         FROM dispositivos d JOIN usuarios u ON u.rut = d.rut
         WHERE (d.device_id, d.rut) > ($1, $2) ORDER BY d.device_id, d.rut LIMIT $3")
        .bind(device_id).bind(rut).bind(limite).fetch_all(&mut **c).await)?;
    let leidos = rows.into_iter().map(|f| Dispositivo {
        device_id: f.device_id,
        rut: f.rut,
        nombre: format!("{} {}", f.nombre, f.apellido_1),
        app_version: f.app_version,
        primer_sync: Instante(f.primer_sync),
        last_sync: Instante(f.last_sync),
        visto: Instante(f.visto),
        desfase_reloj_ms: f.desfase_reloj_ms,
        pendientes: f.pendientes,
    });
    Ok(leidos.collect())
}
