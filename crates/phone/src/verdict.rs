//! What the server says about one item of a batch.

use serde::Deserialize;
use sigra_domain::reporte::FieldConflict;

use crate::{Problema, reporte::Reporte};

/// One member of `resultados`.
#[derive(Debug, Deserialize)]
pub(crate) struct ItemResult {
    pub uuid_cliente: String,
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// By `resultado`; an answer that lacks what its kind must have is not one.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "resultado", rename_all = "snake_case")]
pub(crate) enum Verdict {
    Creado {
        id: i64,
        version: i64,
    },
    Duplicado {
        id: i64,
        /// The one that this item produced, when it was accepted.
        version: i64,
        actual: Option<Reporte>,
    },
    Actualizado {
        id: i64,
        version: i64,
        /// When something stayed that was not sent.
        actual: Option<Reporte>,
    },
    Fusionado {
        actual: Reporte,
    },
    Conflicto {
        conflicto_id: i64,
        actual: Reporte,
        campos: Vec<FieldConflict>,
    },
    Rechazado {
        error: Problema,
    },
}

impl Verdict {
    /// As on the wire.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Creado { .. } => "creado",
            Self::Duplicado { .. } => "duplicado",
            Self::Actualizado { .. } => "actualizado",
            Self::Fusionado { .. } => "fusionado",
            Self::Conflicto { .. } => "conflicto",
            Self::Rechazado { .. } => "rechazado",
        }
    }

    /// The report's id and version for the ledger; `None` when nothing was acknowledged.
    pub(crate) fn ack(&self) -> Option<(i64, i64)> {
        match self {
            Self::Creado { id, version }
            | Self::Duplicado { id, version, .. }
            | Self::Actualizado { id, version, .. } => Some((*id, *version)),
            Self::Fusionado { actual } | Self::Conflicto { actual, .. } => {
                Some((actual.id, actual.version))
            }
            Self::Rechazado { .. } => None,
        }
    }
}
