//! Reports.

pub mod acciones;
pub mod bitacora;
pub mod comentarios;
pub mod crear;
pub mod dto;
pub mod editar;
pub mod informe;
pub mod lista;
pub mod retirar;
pub mod similares;
pub mod ubicacion;
pub mod ver;
