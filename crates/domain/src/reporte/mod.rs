//! A report: what it holds, how one is made, edited and told apart from another.

mod acciones;
mod archivo;
mod contenido;
mod edit;
mod merge;
mod nuevo;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

pub use archivo::{EstadoArchivo, Estados, status_without_conflicto};
pub use contenido::{Archivo, Contenido, Ubicacion, sha256_of};
pub use edit::{EditDenied, ReporteChange, ReporteEdit};
pub use merge::{FieldConflict, MergeOutcome, apply, is_same, merge};
pub use nuevo::{
    MAX_ARCHIVO_BYTES, MAX_ARCHIVOS, MAX_DESCRIPCION, MAX_DETALLE, MAX_TITULO, NewReporte,
    ReporteCreate, detalle, device_id, mime_type, out_of_use, parse_file_name, parse_uuid_cliente,
    random_uuid, sha256,
};

pub use acciones::{
    AccionCorrectiva, AccionesCorrectivas, EstadoDeAccion, MAX_ACCIONES, StepDenied,
};

use crate::{Fecha, Instante, Rut, bitacora::Cabeza, bitacora::FieldValues, catalogo::Catalogo};

/// What is still missing before a report is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(description = "Qué falta para que un reporte esté completo.")]
pub enum SyncStatus {
    Completo,
    MultimediaPendiente,
    Conflicto,
}

impl SyncStatus {
    pub const ALL: [Self; 3] = [Self::Completo, Self::MultimediaPendiente, Self::Conflicto];

    pub fn name(self) -> &'static str {
        match self {
            Self::Completo => "completo",
            Self::MultimediaPendiente => "multimedia_pendiente",
            Self::Conflicto => "conflicto",
        }
    }

    pub fn from_name(nombre: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == nombre)
    }
}

/// When a report came into a final state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub en: Instante,
    /// Within the hours that its severity allowed then, counted from its arrival.
    pub a_tiempo: bool,
}

/// A report as the database holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reporte {
    pub id: i64,
    pub uuid_cliente: String,
    /// The author.
    pub rut: Rut,
    pub contenido: Contenido,
    pub estado_id: i64,
    /// `None` while its state is not final.
    pub decision: Option<Decision>,
    pub device_id: Option<String>,
    pub fecha_reporte: Fecha,
    pub hora_creado: Instante,
    pub hora_sincronizado: Instante,
    pub hora_actualizado: Instante,
    pub last_sync_attempt: Option<Instante>,
    pub sync_status: SyncStatus,
    /// Files that are no longer pending.
    pub archivos: Estados,
    pub sha256_contenido: String,
    /// How many comments there are.
    pub comentarios: i64,
    /// Corrective actions.
    pub acciones: AccionesCorrectivas,
    pub version: i64,
    pub retirado_en: Option<Instante>,
    pub cabeza: Cabeza,
}

impl Reporte {
    /// The report goes into another state: from one final state to another it stays decided when it was.
    pub fn set_estado(&mut self, estado_id: i64, catalogo: &Catalogo, now: Instante) {
        self.estado_id = estado_id;
        let decision = self.decision.or_else(|| {
            let horas = catalogo.meta_horas(self.contenido.severidad_id);
            let hasta = self
                .hora_sincronizado
                .plus(horas.saturating_mul(Instante::HOUR));
            Some(Decision {
                en: now,
                a_tiempo: now <= hasta,
            })
        });
        self.decision = decision.filter(|_| catalogo.is_decided(estado_id));
    }

    /// Everything of a report that only a bitácora entry may change, by field name.
    pub fn values(&self) -> FieldValues {
        let mut v = self.contenido.values();
        v.insert("rut".into(), json!(self.rut));
        v.insert("estado_id".into(), json!(self.estado_id));
        v.insert("decidido_en".into(), json!(self.decision.map(|d| d.en)));
        v.insert("a_tiempo".into(), json!(self.decision.map(|d| d.a_tiempo)));
        v.insert("sync_status".into(), json!(self.sync_status));
        v.insert("device_id".into(), json!(self.device_id));
        v.insert("fecha_reporte".into(), json!(self.fecha_reporte));
        v.insert("hora_creado".into(), json!(self.hora_creado));
        v.insert("hora_sincronizado".into(), json!(self.hora_sincronizado));
        v.insert("sha256_contenido".into(), json!(self.sha256_contenido));
        v.insert("retirado".into(), Value::Bool(self.retirado_en.is_some()));
        // Each of these is told from the first one on: entries of earlier schemas know nothing of them.
        if self.comentarios > 0 {
            v.insert("comentarios".into(), json!(self.comentarios));
        }
        for (n, medida) in &self.acciones {
            v.insert(format!("accion_{n}"), json!(medida));
        }
        if !self.archivos.is_empty() {
            v.insert("archivos".into(), json!(self.archivos));
        }
        v
    }
}
