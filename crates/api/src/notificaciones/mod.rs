//! What each person is told.

pub mod leidas;
pub mod lista;
