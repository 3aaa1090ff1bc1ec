//! A file of a report is no longer what it was: the report's next version, its entry in the bitácora and
//! the file's row, in one.

use sigra_domain::{
    Evento, Quien,
    bitacora::{Accion, diff},
    reporte::{EstadoArchivo, Reporte, SyncStatus, status_without_conflicto},
};

use crate::{
    StoreError, Tx,
    db::with_conn,
    reportes::{
        StoredReporte,
        change::{ReporteWrite, update},
        entry::{ChangeDetails, ChangeRecord},
    },
};

/// What a file becomes, and how the bitácora tells it.
pub(super) struct ArchivoChange {
    pub(super) estado: EstadoArchivo,
    pub(super) accion: Accion,
    pub(super) detalle: String,
}

/// Its bytes are here.
pub(super) async fn mark_uploaded(
    tx: &mut Tx<'_>,
    quien: &Quien,
    viejo: &Reporte,
    leido: StoredReporte,
    multimedia_id: i64,
) -> Result<StoredReporte, StoreError> {
    let archivo = leido.archivos.iter().find(|a| a.id == multimedia_id);
    let cambio = ArchivoChange {
        estado: EstadoArchivo::Subido,
        accion: Accion::RecibirArchivo,
        detalle: archivo
            .map(|a| a.archivo.uuid_cliente.clone())
            .unwrap_or_default(),
    };
    update_archivo(tx, quien, viejo, leido, multimedia_id, cambio).await
}

/// `viejo` is the report as it was; `leido` has the file already, and is answered as it is then.
pub(super) async fn update_archivo(
    tx: &mut Tx<'_>,
    quien: &Quien,
    viejo: &Reporte,
    mut leido: StoredReporte,
    multimedia_id: i64,
    cambio: ArchivoChange,
) -> Result<StoredReporte, StoreError> {
    let archivo = leido.archivos.iter_mut().find(|a| a.id == multimedia_id);
    let archivo = archivo.ok_or(StoreError::Interno("un archivo desapareció"))?;
    archivo.estado = cambio.estado;
    let uuid = archivo.archivo.uuid_cliente.clone();
    let mut reporte = leido.reporte;
    reporte.archivos.insert(uuid, cambio.estado);
    let sin_conflicto = status_without_conflicto(&reporte.contenido, &reporte.archivos);
    if reporte.sync_status != SyncStatus::Conflicto {
        reporte.sync_status = sin_conflicto;
    }
    reporte.version += 1;
    reporte.hora_actualizado = tx.ahora;
    let hecho = ChangeDetails {
        accion: cambio.accion,
        detalle: Some(cambio.detalle),
        cambios: diff(&viejo.values(), &reporte.values()),
        area_antes: Some(viejo.contenido.area_id),
        evento: if cambio.accion == Accion::RecibirArchivo && sin_conflicto == SyncStatus::Completo
        {
            Evento::ReporteCompleto
        } else {
            Evento::ReporteCambiado
        },
    };
    let registro = ChangeRecord::new(&mut reporte, quien, tx.ahora, hecho)?;
    let escritura = ReporteWrite::new(Some(viejo), reporte, registro, tx.env.random_i64());
    update(tx, &[&escritura]).await?;
    with_conn!(tx.conn, c => sqlx::query("UPDATE multimedia SET estado = $2 WHERE id = $1")
        .bind(multimedia_id).bind(cambio.estado.name()).execute(&mut **c).await.map(drop))?;
    leido.reporte = escritura.reporte;
    Ok(leido)
}
