//! Reports.

pub mod acciones;
pub mod bitacora;
pub mod comentarios;
pub mod crear;
pub mod dto;
pub mod editar;
#[cfg(feature = "pdf")]
pub mod informe;
pub mod lista;
pub mod retirar;
pub mod similares;
pub mod ver;
