//! The PDF of one report, for whoever has to hold it in their hands: the facts, the photos, what
//! was said and done, and the bitácora with its hashes.
//!
//! Typst sets it from one template (`estilo.typ`, `informe.typ`). What people wrote reaches it as
//! data and never as its language, and there is no file, network or clock behind it: the same
//! [`Informe`] gives the same bytes.
//!
//! [`pdf`] computes for as long as it takes, up to some seconds: give it a thread of its own.

mod compone;
mod datos;
mod fotos;
mod mundo;

pub use compone::{Error, MAX_FILAS, MAX_SIGNOS, pdf};
pub use datos::{
    Accion, Cambio, Comentario, Entrada, Foto, Informe, OtroArchivo, Reporte, Verificacion,
};
pub use fotos::{MAX_FOTOS, MAX_PIXELES};
