//! SIGRA over HTTP: routes, their permissions, and the description of both.

mod acceso;
mod admin;
mod app;
mod auth;
mod catalogos;
mod claves;
pub mod codigo;
mod cuerpo;
mod descarga;
mod docs;
mod escritura;
mod multimedia;
mod nombres;
mod notificaciones;
mod openapi;
mod pagina;
mod problema;
mod reportes;
mod resto;
mod router;
mod salud;
mod servidor;
mod sync;
mod tokens;
mod usuarios;

pub use acceso::Permiso;
pub use app::{App, Opciones};
pub use claves::hash_password;
pub use openapi::descripcion;
pub use servidor::servir;
pub use tokens::{AUD_API, AUD_NAVEGADOR, ClaveFirma, Tokens, clave_nueva};
