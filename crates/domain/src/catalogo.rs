//! Areas, severities, states and the transitions between states: data of the site, not code.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Rol;

/// An area of the mine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(description = "Un área de la mina.")]
pub struct Area {
    #[schema(example = 1)]
    pub id: i64,
    #[schema(example = "Perforación y Tronadura")]
    pub nombre: String,
    /// Una que no está activa no se puede nombrar en reportes nuevos; los anteriores la conservan.
    pub activa: bool,
}

/// How grave a danger is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(description = "Qué tan grave es un peligro.")]
pub struct Severidad {
    #[schema(example = 3)]
    pub id: i64,
    #[schema(example = "Alta")]
    pub nombre: String,
    pub activa: bool,
    /// Horas, desde que llega, en que debe decidirse un reporte de esta severidad.
    #[schema(example = 24)]
    pub meta_horas: i64,
    /// De un reporte urgente se avisa al momento y aparte, y quien decide no puede silenciarlo.
    pub urgente: bool,
}

/// A state of a report; a report in a final one is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(description = "Un estado de un reporte; en uno final, el reporte está decidido.")]
pub struct Estado {
    #[schema(example = 1)]
    pub id: i64,
    #[schema(example = "Pendiente")]
    pub nombre: String,
    #[serde(rename = "final")]
    pub es_final: bool,
}

/// A move between two states and the roles that may make it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "Un paso entre dos estados y los roles que pueden darlo.")]
pub struct Transicion {
    #[schema(example = 1)]
    pub desde: i64,
    #[schema(example = 2)]
    pub hacia: i64,
    pub roles: Vec<Rol>,
}

/// The hours of [`Severidad::meta_horas`] when nobody says other.
pub const DEFAULT_META_HORAS: i64 = 168;

/// The state every new report begins in.
pub const PENDIENTE: i64 = 1;
/// The state `aprobar` leads to.
pub const APROBADO: i64 = 2;
/// The state `rechazar` leads to.
pub const RECHAZADO: i64 = 3;

/// All that a phone needs to offer choices; `version` rises with every change of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(
    description = "Todo lo que un teléfono necesita para ofrecer opciones; `version` sube con cada cambio."
)]
pub struct Catalogo {
    #[schema(example = 1)]
    pub version: i64,
    pub areas: Vec<Area>,
    pub severidades: Vec<Severidad>,
    pub estados: Vec<Estado>,
    pub transiciones: Vec<Transicion>,
}

/// Why a transition is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransicionDenied {
    /// The site has no such transition (409).
    NoExiste,
    /// It exists, for other roles (403).
    OtroRol,
}

impl Catalogo {
    pub fn area(&self, id: i64) -> Option<&Area> {
        self.areas.iter().find(|a| a.id == id)
    }

    pub fn severidad(&self, id: i64) -> Option<&Severidad> {
        self.severidades.iter().find(|s| s.id == id)
    }

    /// The hours within which a report of this severity should be decided; of one that is not known, none.
    pub fn meta_horas(&self, severidad_id: i64) -> i64 {
        self.severidad(severidad_id).map_or(0, |s| s.meta_horas)
    }

    pub fn estado(&self, id: i64) -> Option<&Estado> {
        self.estados.iter().find(|e| e.id == id)
    }

    /// Whether a report in this state is decided. A state the catalogue does not know counts as
    /// decided: what is unknown must not be editable.
    pub fn is_decided(&self, estado_id: i64) -> bool {
        self.estado(estado_id).is_none_or(|e| e.es_final)
    }

    /// Whether `rol` may move a report from one state to the other.
    pub fn check_transicion(
        &self,
        desde: i64,
        hacia: i64,
        rol: Rol,
    ) -> Result<(), TransicionDenied> {
        match self
            .transiciones
            .iter()
            .find(|t| t.desde == desde && t.hacia == hacia)
        {
            None => Err(TransicionDenied::NoExiste),
            Some(t) if t.roles.contains(&rol) => Ok(()),
            Some(_) => Err(TransicionDenied::OtroRol),
        }
    }
}
