//! Reports: their rows, and the writes that change them.

mod comentar;
pub(crate) mod crear;
mod editar;
pub(crate) mod fila;
pub(crate) mod leer;
mod lista;
pub(crate) mod lote;
pub(crate) mod registro;
mod seguir;
mod similares;

pub use comentar::{Comentado, Comentar, Comentario, MAX_COMENTARIOS, comentarios};
pub use crear::{Creado, CrearReporte, Entrada};
pub use editar::{Decidir, EditarReporte, Retirar};
pub use fila::{ArchivoLeido, ReporteLeido};
pub use leer::{Cual, reporte};
pub use lista::{CampoOrden, ClaveOrden, Filtro, Orden, lista, plan_de_lista};
pub use seguir::{MoverAccion, PedirAccion, Seguida};
pub use similares::{Vecino, vecinos};

use sigra_domain::ErrorCampo;

use crate::{DeFallo, Fallo};

/// Why a write of a report is refused. Nothing was written.
#[derive(Debug)]
pub enum Rechazo {
    /// No such report, or none that the caller may know of.
    NoEncontrado,
    /// It was withdrawn.
    Retirado,
    SinPermiso,
    /// Decided: its content is fixed.
    Decidido,
    TransicionNoPermitida,
    DemasiadosComentarios,
    /// Only what was approved is followed up.
    SinAprobar,
    DemasiadasAcciones,
    /// A corrective action can't go that way from where it is.
    PasoNoPermitido,
    /// Whoever did it can't verify it.
    QuienLaHizo,
    /// It names what the site no longer uses.
    EnDesuso(Vec<ErrorCampo>),
    /// The uuid belongs to a report with other content: the caller's own, or nobody's business.
    UuidEnConflicto(Option<Box<ReporteLeido>>),
    /// The report changed since the version the caller saw.
    VersionDesfasada(Box<ReporteLeido>),
    Fallo(Fallo),
}

impl From<Fallo> for Rechazo {
    fn from(f: Fallo) -> Self {
        Self::Fallo(f)
    }
}

impl From<sqlx::Error> for Rechazo {
    fn from(e: sqlx::Error) -> Self {
        Self::Fallo(e.into())
    }
}

impl DeFallo for Rechazo {
    fn fallo(&self) -> Option<&Fallo> {
        match self {
            Self::Fallo(f) => Some(f),
            _ => None,
        }
    }
}
