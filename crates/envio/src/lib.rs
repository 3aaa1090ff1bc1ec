//! What is sent to others: e-mail, webhooks and Web Push. Each call sends one thing over one channel
//! and says how it went. There is no queue here and nothing is tried twice: whoever calls knows what
//! waits, and keeps it.
//!
//! Time and randomness are arguments, so that what was sent can be made again byte by byte.

pub mod correo;
mod destino;
mod fallo;
pub mod push;
#[cfg(test)]
mod receptor;
#[cfg(test)]
mod tls;
pub mod webhook;

pub use destino::{Destino, Permitidos, Plazos, RechazoRed, RechazoUrl, comprueba_url};
pub use fallo::Fallo;
