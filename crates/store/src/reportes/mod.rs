//! Reports: their rows, and the writes that change them.

mod acciones;
pub(crate) mod change;
mod comments;
pub(crate) mod create;
mod edit;
pub(crate) mod entry;
pub(crate) mod get;
mod list;
pub(crate) mod row;
mod similar;
pub(crate) mod visible;

pub use acciones::{AccionUpdate, AdvanceAccion, RequestAccion};
pub use comments::{AddComentario, AddedComentario, Comentario, MAX_COMENTARIOS, comentarios};
pub use create::{CreateBatcher, CreateReporte, CreatedReporte};
pub use edit::{DecideReporte, EditReporte, Retirar};
pub use get::{ReporteRef, reporte};
pub use list::{ReporteFilter, SortField, SortKey, SortOrder, explain_list, list_reportes};
pub use row::{StoredArchivo, StoredReporte};
pub use similar::{SimilarReporte, neighbours};

use sigra_domain::FieldError;

use crate::Reason;

/// Why a write of a report is refused. Nothing was written.
#[derive(Debug)]
pub enum ReporteRefusal {
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
    EnDesuso(Vec<FieldError>),
    /// The uuid belongs to a report with other content: the caller's own, or nobody's business.
    UuidEnConflicto(Option<Box<StoredReporte>>),
    /// The report changed since the version the caller saw.
    VersionDesfasada(Box<StoredReporte>),
}

impl Reason for ReporteRefusal {}
