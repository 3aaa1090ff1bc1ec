//! Files: their bytes, where they stay, and the reports that have them.

mod barrido;
mod entrega;
mod motor;
pub mod taller;
pub mod tus;
mod ver;
