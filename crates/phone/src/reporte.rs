//! A report as the server tells it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sigra_domain::reporte::{Archivo, Contenido, Ubicacion};

/// Reads a [`Contenido`] from any JSON object that has its fields: an item of a batch, or a whole
/// report.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Contenido")]
pub(crate) struct ContenidoDef {
    titulo: String,
    descripcion: Option<String>,
    area_id: i64,
    severidad_id: i64,
    ubicacion: Option<Ubicacion>,
    multimedia: Option<Vec<Archivo>>,
}

/// A report of the server, in some version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Reporte {
    pub id: i64,
    pub uuid_cliente: String,
    pub version: i64,
    /// `completo`, `multimedia_pendiente` or `conflicto`.
    pub sync_status: String,
    /// As the server computed it.
    pub sha256_contenido: String,
    /// RFC 3339, the clock of the phone that made it.
    pub hora_creado: String,
    /// `YYYY-MM-DD`.
    pub fecha_reporte: String,
    pub contenido: Contenido,
    /// All of it, with what the screen shows and the phone does not work with.
    pub json: Value,
}

#[derive(Deserialize)]
struct ReporteFields {
    id: i64,
    uuid_cliente: String,
    version: i64,
    sync_status: String,
    sha256_contenido: String,
    hora_creado: String,
    fecha_reporte: String,
}

impl TryFrom<Value> for Reporte {
    type Error = serde_json::Error;

    fn try_from(json: Value) -> Result<Self, Self::Error> {
        let campos = ReporteFields::deserialize(&json)?;
        let mut contenido = ContenidoDef::deserialize(&json)?;
        // On the wire a report without files has an empty list; what phones send then is null.
        contenido.multimedia = contenido.multimedia.filter(|m| !m.is_empty());
        Ok(Self {
            id: campos.id,
            uuid_cliente: campos.uuid_cliente,
            version: campos.version,
            sync_status: campos.sync_status,
            sha256_contenido: campos.sha256_contenido,
            hora_creado: campos.hora_creado,
            fecha_reporte: campos.fecha_reporte,
            contenido,
            json,
        })
    }
}

impl From<Reporte> for Value {
    fn from(reporte: Reporte) -> Self {
        reporte.json
    }
}
