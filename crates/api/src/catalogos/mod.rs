//! The catalogue.

pub mod editar;
pub mod transiciones;
pub mod ver;
