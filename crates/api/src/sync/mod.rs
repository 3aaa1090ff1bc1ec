//! What phones send and ask for when they come back into coverage.

pub mod batch;
pub mod changes;
pub mod conflictos;
pub mod rate_limit;
pub mod reconciliar;
pub mod resolver;
pub mod resultado;
pub mod status;

use sigra_domain::reporte::FieldConflict;

/// Un campo que cambió de dos maneras.
#[derive(Clone, serde::Serialize, utoipa::ToSchema)]
#[schema(example = json!({"campo": "titulo", "base": "Roca suelta", "servidor": "Roca caída", "cliente": "Roca suelta en galería 4"}))]
pub struct Campo {
    pub campo: String,
    /// Lo que el teléfono tenía al editar; null si no se sabe.
    pub base: serde_json::Value,
    pub servidor: serde_json::Value,
    pub cliente: serde_json::Value,
}

impl From<FieldConflict> for Campo {
    fn from(c: FieldConflict) -> Self {
        Self {
            campo: c.campo,
            base: c.base,
            servidor: c.servidor,
            cliente: c.cliente,
        }
    }
}

/// Reports in one batch.
pub const MAX_BATCH: usize = 500;
/// Reports in one reconciliation.
pub const MAX_RECONCILE: usize = 10_000;
/// Reports in one page of changes.
pub const MAX_CHANGES: i64 = 1_000;
