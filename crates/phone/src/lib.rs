//! The reference phone: how a mobile app talks to SIGRA, with nothing left out but the screen and
//! the camera. It is what the demo, the load tests and the model tests drive, and an example
//! to read.
//!
//! ```no_run
//! # async fn ejemplo(reloj: fn() -> i64, azar: fn() -> u64) -> Result<(), sigra_phone::Error> {
//! use sigra_phone::{Ajustes, Contenido, Parche, Telefono};
//!
//! let ajustes = Ajustes::nuevos("http://127.0.0.1:8000", "moto-e7-0042", reloj, azar);
//! let mut telefono = Telefono::abrir("rosa.db".as_ref(), ajustes).await?;
//! telefono.entrar("12.345.678-5", "roca firme 42").await?;
//!
//! // On disk when this returns, with or without a link.
//! let uuid = telefono.crear(Contenido {
//!     titulo: "Roca suelta en galería 4".into(),
//!     descripcion: Some("Planchón suelto sobre el paso de personal.".into()),
//!     area_id: 1,
//!     severidad_id: 2,
//!     ubicacion: None,
//!     multimedia: None,
//! })
//! .await?;
//! telefono.editar(&uuid, Parche { severidad_id: Some(3), ..Parche::default() }).await?;
//!
//! let resumen = telefono.sincroniza().await?;
//! println!("{} creados, {:?}", resumen.creados, resumen.fin);
//! # Ok(())
//! # }
//! ```
//!
//! # The protocol on one page
//!
//! **The promise.** What [`Telefono::crear`] or [`Telefono::editar`] returned from is on disk, and
//! stays in the queue until the server acknowledged it or refused it for good. A refusal is shown to
//! the owner ([`Estado::Rechazado`]), never acted on alone. Nothing else takes a report out of the
//! queue: no lost answer, expired token, dead battery or other person's decision.
//!
//! **The identity.** The phone gives each report a uuid once. The server makes one report of it
//! however often it comes, so that the phone may always send again.
//!
//! **An item is frozen when it is first sent** ([`Telefono::arma_lote`]) and goes again byte for byte
//! until it is answered. An edit made meanwhile waits as a [`Parche`], since the server may have
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
//! base; `conflicto` puts it aside until somebody decides ([`Telefono::resolver`]); `rechazado` puts
//! it aside when `permanente`, else it goes to the end of the line.
//!
//! **No answer** (a broken link, a captive portal's page, anything that is no answer to this batch)
//! changes nothing but the size of the next batch or page, which is halved; each success doubles it. 408, 429
//! and 5xx ask to wait. Waits are random up to a bound that doubles from 1 s to 5 min, on top of
//! `Retry-After`. 413 is a batch too large; any other 4xx is for a person to read.
//!
//! **401**: `POST /auth/refresh`, the new pair on disk before it is used, then the same batch again.
//! When that answer is lost, the same refresh token goes again. When the session ended,
//! [`Sesion::EntrarDeNuevo`]; the queue waits for its owner.
//!
//! **A pull** is `GET /sync/changes` page by page, each in one local transaction with its cursor.
//! Versions never go back. After 410 the mirror is forgotten and the pull starts without a cursor.
//! When the reason was not a change of what this person may see, the server may have come back from
//! a backup:
//! [`Telefono::reconciliar`] asks about every acknowledged report, creates again what is lost and
//! edits again what went back.
//!
//! **Files** go last, when the reports are safe and what others decided is here
//! ([`Telefono::crear_con_archivos`]): tus 1.0.0, creation and PATCH. The same creation again tells
//! where an upload stands, so that the phone need remember nothing of it; what came before a link
//! broke is kept by the server.
//!
//! # Driving it step by step
//!
//! [`Telefono::sincroniza`] is all of this. A test that loses answers calls its parts:
//! [`Telefono::arma_lote`], [`Telefono::envia`] (not applying the answer is losing it; it takes
//! `&self`, so that a batch may travel twice at once) and [`Telefono::aplica`]; or
//! [`Telefono::push_una_vez`], [`Telefono::pull_una_vez`] and [`Telefono::renueva`], which never
//! wait by themselves.

mod archivos;
mod cola;
mod conflictos;
mod disco;
mod empujar;
mod error;
mod espera;
mod ficha;
mod fila;
mod http;
mod libro;
mod lote;
mod parche;
mod reconciliar;
mod reporte;
mod resumen;
mod sesion;
mod sincroniza;
mod subir;
mod telefono;
mod tirar;
mod veredicto;

#[cfg(test)]
mod modelo;
#[cfg(test)]
mod pruebas;

pub use archivos::{Adjunto, ArchivoPropio, EstadoDeArchivo};
pub use cola::{Borrador, Estado, Propio};
pub use conflictos::Politica;
pub use empujar::Paso;
pub use error::{Error, ErrorDeCampo, Problema};
pub use ficha::Conflicto;
pub use http::Respuesta;
pub use libro::Asiento;
pub use lote::{Aplicado, Lote};
pub use parche::Parche;
pub use reconciliar::Reconciliacion;
pub use reporte::Reporte;
pub use resumen::{Fin, Resumen};
pub use sesion::{Sesion, Tokens};
pub use sigra_domain::{
    reporte::{Archivo, Choque, Contenido, Ubicacion},
    sync::Lado,
};
pub use telefono::{Ajustes, Telefono};
