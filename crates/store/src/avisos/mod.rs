//! What people are told of changes: made from the feed, in its order, by one who does it at a time.

mod bandeja;
mod reparto;

pub use bandeja::{Leer, LeerHasta, Notificacion, bandeja};
