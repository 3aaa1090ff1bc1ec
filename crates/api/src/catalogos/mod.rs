//! The catalogue.

pub mod editar;
pub mod ver;
