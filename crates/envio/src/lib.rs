//! What is sent to others: mail, webhooks and Web Push. Each channel sends one thing and says how it went;
//! the [`Cartero`] takes what waits from the store, gives it to its channel and notes the outcome there.
//!
//! Time and randomness are arguments, so that what was sent can be made again byte by byte.

mod carta;
mod cartero;
pub mod correo;
mod destino;
mod fallo;
pub mod push;
#[cfg(test)]
mod receptor;
#[cfg(test)]
mod tls;
pub mod webhook;

pub use cartero::{Cartero, Opciones, SinCartero};
pub use destino::{Destino, Permitidos, Plazos, RechazoRed, RechazoUrl, comprueba_url};
pub use fallo::Fallo;
