//! Reports.

pub mod acciones;
pub mod bitacora;
pub mod comentarios;
pub mod crear;
pub mod editar;
pub mod lista;
pub mod retirar;
pub mod similares;
pub mod ver;
pub mod vista;
