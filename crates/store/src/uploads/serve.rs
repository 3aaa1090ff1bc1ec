//! A file as it is asked for: which report has it, and where its bytes are.

use sigra_domain::{Rut, reporte::EstadoArchivo};
use sigra_store_macros::FromRow;

use super::blobs::{Blob, find_blob};
use crate::{ReadConn, StoreError, db::with_conn};

/// A file of a report.
#[derive(Clone, Debug)]
pub struct ServableArchivo {
    pub reporte_id: i64,
    /// The report's author.
    pub autor: Rut,
    pub area_id: i64,
    pub retirado: bool,
    /// As its sender called it; data, never a path.
    pub nombre: String,
    pub sha256: String,
    pub estado: EstadoArchivo,
    /// Its bytes, when they are here.
    pub objeto: Option<Blob>,
}

#[derive(FromRow)]
struct Row {
    reporte_id: i64,
    rut: i64,
    area_id: i64,
    retirado: bool,
    nombre: String,
    sha256: String,
    estado: String,
}

pub async fn find_served_file(
    lectura: &mut ReadConn,
    id: i64,
) -> Result<Option<ServableArchivo>, StoreError> {
    let fila: Option<Row> = with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT r.id AS reporte_id, r.rut, r.area_id, r.retirado_en IS NOT NULL AS retirado,
            m.nombre, m.sha256, m.estado
         FROM multimedia m JOIN reportes r ON r.id = m.reporte_id WHERE m.id = $1")
        .bind(id).fetch_optional(&mut **c).await)?;
    let Some(f) = fila else {
        return Ok(None);
    };
    let estado = EstadoArchivo::from_name(&f.estado)
        .ok_or_else(|| StoreError::Dato(format!("estado del archivo {id}")))?;
    let objeto = match estado {
        EstadoArchivo::Subido => find_blob(lectura, &f.sha256).await?,
        _ => None,
    };
    Ok(Some(ServableArchivo {
        reporte_id: f.reporte_id,
        autor: Rut::new(f.rut).map_err(|_| StoreError::Dato(format!("rut del archivo {id}")))?,
        area_id: f.area_id,
        retirado: f.retirado,
        nombre: f.nombre,
        sha256: f.sha256,
        estado,
        objeto,
    }))
}
