//! What the bytes of a file are: their type, an image's size, where they tell a place, and small
//! copies for a screen. Nothing here opens a file or a socket: bytes come in, bytes go out.

mod cajas;
mod limpieza;
mod medidas;
#[cfg(test)]
mod pruebas;
mod tipo;
mod vistas;

pub use limpieza::{Limpia, Recorte, Relleno, Tramo, recortes};
pub use medidas::{MAX_CABECERA, MAX_PIXELES, Medidas, medidas};
pub use tipo::{Clase, NoAdmitido, Tipo};
pub use vistas::{MAX_DECODIFICACION, MINIATURA, SinVistas, VISTA, Vistas, vistas};
