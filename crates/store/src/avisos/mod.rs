//! What people and other systems are told of changes: made from the feed, in its order, by one who does it
//! at a time; and its way out, by many.

mod alarmas;
mod anotar;
mod aperturas;
mod bandeja;
mod destinos;
mod entregas;
mod novedades;
mod preferencias;
mod reparto;
mod salida;
mod suscripciones;
mod tomar;
mod webhooks;

pub use alarmas::Plazos;
pub use anotar::{Anotar, Hecho};
pub use bandeja::{Leer, LeerHasta, Notificacion, Tras, bandeja, nuevas, tras, ultima};
pub use entregas::{Entrega, Reenviar, entregas, hay_debidas};
pub use preferencias::{Preferir, preferencias};
pub use salida::Salidas;
pub use suscripciones::{Desuscribir, RechazoSuscripcion, Suscribir};
pub use tomar::{Destino, Mensaje, Tomada, Tomar};
pub use webhooks::{
    CambiarWebhook, CambioWebhook, MAX_WEBHOOKS, RechazoWebhook, Webhook, webhooks,
};
