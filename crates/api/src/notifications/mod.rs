//! What each person is told.

pub mod eventos;
pub mod leidas;
pub mod lista;
pub mod preferencias;
pub mod push;
pub mod subscribers;
