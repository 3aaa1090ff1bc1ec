//! What became of the files that a report names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Contenido, SyncStatus};

/// What became of a file of a manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(description = "Qué fue de un archivo de un manifiesto.")]
pub enum EstadoArchivo {
    /// Its bytes have not arrived.
    #[default]
    Pendiente,
    /// They are here and match.
    Subido,
    /// Its author says that they will not come.
    Renunciado,
    /// An administrador took them away.
    Eliminado,
}

impl EstadoArchivo {
    pub const ALL: [Self; 4] = [
        Self::Pendiente,
        Self::Subido,
        Self::Renunciado,
        Self::Eliminado,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pendiente => "pendiente",
            Self::Subido => "subido",
            Self::Renunciado => "renunciado",
            Self::Eliminado => "eliminado",
        }
    }

    /// Whether its bytes would still be taken: who waived a file may have found it.
    pub fn accepts_bytes(self) -> bool {
        matches!(self, Self::Pendiente | Self::Renunciado)
    }

    pub fn from_name(nombre: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name() == nombre)
    }
}

/// The files of a report that are no longer pending, by uuid.
pub type Estados = BTreeMap<String, EstadoArchivo>;

/// What a report without conflicts waits for.
pub fn status_without_conflicto(contenido: &Contenido, estados: &Estados) -> SyncStatus {
    let mut archivos = contenido.multimedia.iter().flatten();
    if archivos.all(|a| estados.contains_key(&a.uuid_cliente)) {
        SyncStatus::Completo
    } else {
        SyncStatus::MultimediaPendiente
    }
}
