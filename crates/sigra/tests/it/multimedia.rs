//! Files: their bytes, where they stay, and the reports that have them.

mod barrido;
mod bombas;
pub mod entrega;
mod formulario;
mod lleno;
mod motor;
mod revision;
mod subidas;
pub mod taller;
pub mod tus;
mod tus_js;
mod ver;
