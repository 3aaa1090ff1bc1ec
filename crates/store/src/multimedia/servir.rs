//! A file as it is asked for: which report has it, and where its bytes are.

use sigra_domain::{Rut, reporte::EstadoArchivo};
use sqlx::FromRow;

use super::objetos::{Objeto, objeto};
use crate::{Fallo, Lectura, db::con};

/// A file of a report.
#[derive(Clone, Debug)]
pub struct Servible {
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
    pub objeto: Option<Objeto>,
}

#[derive(FromRow)]
struct Fila {
    reporte_id: i64,
    rut: i64,
    area_id: i64,
    retirado: bool,
    nombre: String,
    sha256: String,
    estado: String,
}

pub async fn servible(lectura: &mut Lectura, id: i64) -> Result<Option<Servible>, Fallo> {
    let fila: Option<Fila> = con!(lectura.conn(), c => sqlx::query_as(
        "SELECT r.id AS reporte_id, r.rut, r.area_id, r.retirado_en IS NOT NULL AS retirado,
            m.nombre, m.sha256, m.estado
         FROM multimedia m JOIN reportes r ON r.id = m.reporte_id WHERE m.id = $1")
        .bind(id).fetch_optional(&mut **c).await)?;
    let Some(f) = fila else {
        return Ok(None);
    };
    let estado = EstadoArchivo::de_nombre(&f.estado)
        .ok_or_else(|| Fallo::Dato(format!("estado del archivo {id}")))?;
    let objeto = match estado {
        EstadoArchivo::Subido => objeto(lectura, &f.sha256).await?,
        _ => None,
    };
    Ok(Some(Servible {
        reporte_id: f.reporte_id,
        autor: Rut::new(f.rut).map_err(|_| Fallo::Dato(format!("rut del archivo {id}")))?,
        area_id: f.area_id,
        retirado: f.retirado,
        nombre: f.nombre,
        sha256: f.sha256,
        estado,
        objeto,
    }))
}
