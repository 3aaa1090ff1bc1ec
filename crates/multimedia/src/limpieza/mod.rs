//! A copy without the place where it was taken: not a second file, but the first one with pieces left
//! out. An original whose SHA-256 is known is never changed.

mod imagenes;
mod jpeg;
mod limpia;
mod mp4;

use std::io::{BufReader, Read, Seek};

use serde::{Deserialize, Serialize};

use crate::Tipo;
pub use limpia::{Limpia, Tramo};

/// What stands in the place of a piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relleno {
    Nada,
    Bytes(Vec<u8>),
    /// As many zeros as there were bytes, so that what follows stays where the file says it is.
    Ceros,
}

/// A piece of a file, in bytes from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorte {
    pub desde: u64,
    pub hasta: u64,
    pub relleno: Relleno,
}

impl Recorte {
    fn nuevo(desde: u64, hasta: u64, relleno: Relleno) -> Self {
        Self {
            desde,
            hasta,
            relleno,
        }
    }
}

/// What a copy leaves out of a file, in the order of the file: everything that is not needed to show
/// it. `None` when the file is not as its type says, so that no copy can be vouched for. A PDF is a
/// document that somebody wrote, and is left as it is.
pub fn recortes(
    tipo: Tipo,
    f: &mut (impl Read + Seek),
    largo: u64,
) -> std::io::Result<Option<Vec<Recorte>>> {
    let hallados = match tipo {
        Tipo::Jpeg => jpeg::recortes(&mut BufReader::new(f), largo),
        Tipo::Png => imagenes::png(f, largo),
        Tipo::Webp => imagenes::webp(f, largo),
        Tipo::Mp4 | Tipo::M4a => mp4::recortes(f, largo),
        Tipo::Pdf => Ok(Some(vec![])),
    };
    match hallados {
        // Shorter than it says.
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        otro => otro,
    }
}
