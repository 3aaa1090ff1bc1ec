//! The reference phone: how a mobile app talks to SIGRA, with nothing left out but the screen and
//! the camera. It is what the demo, the load tests and the model tests drive, and an example
//! to read.
//!
//! ```no_run
//! # async fn example(reloj: fn() -> i64, azar: fn() -> u64) -> Result<(), sigra_phone::Error> {
//! use sigra_phone::{PhoneOptions, Contenido, Patch, Phone};
//!
//! let ajustes = PhoneOptions::new("http://127.0.0.1:8000", "moto-e7-0042", reloj, azar);
//! let mut telefono = Phone::open("rosa.db".as_ref(), ajustes).await?;
//! telefono.log_in("12.345.678-5", "roca firme 42").await?;
//!
//! // On disk when this returns, with or without a link.
//! let uuid = telefono.create(Contenido {
//!     titulo: "Roca suelta en galería 4".into(),
//!     descripcion: Some("Planchón suelto sobre el paso de personal.".into()),
//!     area_id: 1,
//!     severidad_id: 2,
//!     ubicacion: None,
//!     multimedia: None,
//! })
//! .await?;
//! telefono.edit(&uuid, Patch { severidad_id: Some(3), ..Patch::default() }).await?;
//!
//! let resumen = telefono.sync().await?;
//! println!("{} creados, {:?}", resumen.creados, resumen.fin);
//! # Ok(())
//! # }
//! ```
//!
//! # The protocol on one page
//!
//! **The promise.** What [`Phone::create`] or [`Phone::edit`] returned from is on disk, and
//! stays in the queue until the server acknowledged it or refused it for good. A refusal is shown to
//! the owner ([`QueueState::Rechazado`]), never acted on alone. Nothing else takes a report out of the
//! queue: no lost answer, expired token, dead battery or other person's decision.
//!
//! **The identity.** The phone gives each report a uuid once. The server makes one report of it
//! however often it comes, so that the phone may always send again.
//!
//! **An item is frozen when it is first sent** ([`Phone::build_batch`]) and goes again byte for byte
//! until it is answered. An edit made meanwhile waits as a [`Patch`], since the server may have
//! the first one already: other content for the same uuid with no `version_base` is a conflict, and
//! it would be one of the phone with itself. After the answer the patch goes on what was
//! acknowledged, with its version as `version_base`.
//!
//! **The base stays while something waits.** What the owner looked at when editing is what the
//! server needs to tell an edit from an accident; a newer version that a pull brings is shown, and
//! becomes the base when nothing waits. So nobody's change is undone unseen: where both changed
//! the same field, the server says `conflicto`.
//!
//! **A push** is `POST /sync/batch` with gzip, 1 to 500 items in the order they were made. For each
//! item: `creado`, `duplicado`, `actualizado`, `fusionado` take it out of the queue and set the new
//! base; `conflicto` puts it aside until somebody decides ([`Phone::resolve_conflicto`]); `rechazado` puts
//! it aside when `permanente`, else it goes to the end of the line.
//!
//! **No answer** (a broken link, a captive portal's page, anything that is no answer to this batch)
//! changes nothing but the size of the next batch or page, which is halved; each success doubles it. 408, 429
//! and 5xx ask to wait. Waits are random up to a bound that doubles from 1 s to 5 min, on top of
//! `Retry-After`. 413 is a batch too large; any other 4xx is for a person to read.
//!
//! **401**: `POST /auth/refresh`, the new pair on disk before it is used, then the same batch again.
//! When that answer is lost, the same refresh token goes again. When the session ended,
//! [`SessionState::EntrarDeNuevo`]; the queue waits for its owner.
//!
//! **A pull** is `GET /sync/changes` page by page, each in one local transaction with its cursor.
//! Versions never go back. After 410 the mirror is forgotten and the pull starts without a cursor.
//! When the reason was not a change of what this person may see, the server may have come back from
//! a backup:
//! [`Phone::reconcile`] asks about every acknowledged report, creates again what is lost and
//! edits again what went back.
//!
//! **Files** go last, when the reports are safe and what others decided is here
//! ([`Phone::create_with_archivos`]): tus 1.0.0, creation and PATCH. The same creation again tells
//! where an upload stands, so that the phone need remember nothing of it; what came before a link
//! broke is kept by the server.
//!
//! # Driving it step by step
//!
//! [`Phone::sync`] is all of this. A test that loses answers calls its parts:
//! [`Phone::build_batch`], [`Phone::send`] (not applying the answer is losing it; it takes
//! `&self`, so that a batch may travel twice at once) and [`Phone::apply`]; or
//! [`Phone::push_once`], [`Phone::pull_once`] and [`Phone::refresh_tokens`], which never
//! wait by themselves.

mod backoff;
mod batch;
mod conflictos;
mod db;
mod error;
mod files;
mod http;
mod ledger;
mod local_reporte;
mod patch;
mod phone;
mod pull;
mod push;
mod queue;
mod reconcile;
mod reporte;
mod row;
mod session;
mod summary;
mod sync;
mod upload;
mod verdict;

#[cfg(test)]
mod model;
#[cfg(test)]
mod test_support;

pub use batch::{AppliedBatch, Batch};
pub use conflictos::ConflictoPolicy;
pub use error::{Error, FieldError, Problema};
pub use files::{ArchivoState, Attachment, QueuedArchivo};
pub use http::ApiResponse;
pub use ledger::LedgerEntry;
pub use local_reporte::Conflicto;
pub use patch::Patch;
pub use phone::{Phone, PhoneOptions};
pub use push::StepOutcome;
pub use queue::{Draft, QueueState, QueuedReporte};
pub use reconcile::ReconcileReport;
pub use reporte::Reporte;
pub use session::{SessionState, Tokens};
pub use sigra_domain::{
    reporte::{Archivo, Contenido, FieldConflict, Ubicacion},
    sync::Lado,
};
pub use summary::{SyncEnd, SyncSummary};
