//! A file of a report is no longer what it was: the report's next version, its entry in the bitácora and
//! the file's row, in one.

use sigra_domain::{
    Quien,
    bitacora::{Accion, diferencia},
    reporte::{EstadoArchivo, Reporte, SyncStatus, sin_conflicto},
};

use crate::{
    Fallo, Tx,
    db::con,
    reportes::{
        ReporteLeido,
        lote::{Escritura, actualiza},
        registro::{Hecho, Registro},
    },
};

/// What a file becomes, and how the bitácora tells it.
pub(super) struct Cambio {
    pub(super) estado: EstadoArchivo,
    pub(super) accion: Accion,
    pub(super) detalle: String,
}

/// Its bytes are here.
pub(super) async fn llega(
    tx: &mut Tx<'_>,
    quien: &Quien,
    viejo: &Reporte,
    leido: ReporteLeido,
    multimedia_id: i64,
) -> Result<ReporteLeido, Fallo> {
    let archivo = leido.archivos.iter().find(|a| a.id == multimedia_id);
    let cambio = Cambio {
        estado: EstadoArchivo::Subido,
        accion: Accion::RecibirArchivo,
        detalle: archivo
            .map(|a| a.archivo.uuid_cliente.clone())
            .unwrap_or_default(),
    };
    cambia(tx, quien, viejo, leido, multimedia_id, cambio).await
}

/// `viejo` is the report as it was; `leido` has the file already, and is answered as it is then.
pub(super) async fn cambia(
    tx: &mut Tx<'_>,
    quien: &Quien,
    viejo: &Reporte,
    mut leido: ReporteLeido,
    multimedia_id: i64,
    cambio: Cambio,
) -> Result<ReporteLeido, Fallo> {
    let archivo = leido.archivos.iter_mut().find(|a| a.id == multimedia_id);
    let archivo = archivo.ok_or(Fallo::Interno("un archivo desapareció"))?;
    archivo.estado = cambio.estado;
    let uuid = archivo.archivo.uuid_cliente.clone();
    let mut reporte = leido.reporte;
    reporte.archivos.insert(uuid, cambio.estado);
    let sin_conflicto = sin_conflicto(&reporte.contenido, &reporte.archivos);
    if reporte.sync_status != SyncStatus::Conflicto {
        reporte.sync_status = sin_conflicto;
    }
    reporte.version += 1;
    reporte.hora_actualizado = tx.ahora;
    let hecho = Hecho {
        accion: cambio.accion,
        detalle: Some(cambio.detalle),
        cambios: diferencia(&viejo.valores(), &reporte.valores()),
        area_antes: Some(viejo.contenido.area_id),
        evento: if cambio.accion == Accion::RecibirArchivo && sin_conflicto == SyncStatus::Completo
        {
            "reporte.completo"
        } else {
            "reporte.cambiado"
        },
    };
    let registro = Registro::nuevo(&mut reporte, quien, tx.ahora, hecho)?;
    let escritura = Escritura::nueva(Some(viejo), reporte, registro, tx.entorno.azar_i64());
    actualiza(tx, &[&escritura]).await?;
    con!(tx.conn, c => sqlx::query("UPDATE multimedia SET estado = $2 WHERE id = $1")
        .bind(multimedia_id).bind(cambio.estado.nombre()).execute(&mut **c).await.map(drop))?;
    leido.reporte = escritura.reporte;
    Ok(leido)
}
