//! Where SIGRA keeps things: one SQL dialect over an embedded SQLite file or PostgreSQL.
//!
//! Reads go through [`Store::leer`]; every write is a [`Write`] given to [`Store::escribir`], which
//! runs it in one transaction that its caller can't leave half done.

pub mod avisos;
mod bitacora;
mod catalogo;
pub mod conteos;
mod db;
mod entorno;
mod escritor;
mod fallo;
mod idempotencia;
pub mod identidad;
mod migrar;
pub mod multimedia;
pub mod reportes;
mod reunion;
pub mod sync;
mod write;

pub use bitacora::{
    AjusteLeido, Cadena, EntradaLeida, FiltroBitacora, Hallazgo, Resumen, bitacora_de, cadena_de,
    lista_ajustes, lista_bitacora,
};
pub use catalogo::{CambioCatalogo, Elemento, RechazoCatalogo};
pub use db::{Lectura, Store};
pub use entorno::Entorno;
pub use fallo::{DeFallo, Fallo};
pub use idempotencia::{Autoriza, Clave, ConClave, RechazoClave, Respuesta};
pub use migrar::{Migraciones, VERSION_ESQUEMA};
pub use write::{Tx, Write};
