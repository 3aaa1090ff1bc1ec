//! The PDF of one report, for whoever has to hold it in their hands: the facts, the photos, what
//! was said and done, and the bitácora with its hashes.
//!
//! Typst sets it from one template (`style.typ`, `document.typ`). What people wrote reaches it as
//! data and never as its language, and there is no file, network or clock behind it: the same
//! [`Document`] gives the same bytes.
//!
//! [`pdf`] computes for as long as it takes, up to some seconds: give it a thread of its own.

mod data;
mod photos;
mod typeset;
mod world;

pub use data::{
    Accion, ChainVerification, Comentario, Document, Entrada, FieldChange, OtherArchivo, Photo,
    Reporte,
};
pub use photos::{MAX_PHOTOS, MAX_PIXELS};
pub use typeset::{Error, MAX_CHARS, MAX_ROWS, pdf};
