//! A copy without the place where it was taken: not a second file, but the first one with pieces left
//! out. An original whose SHA-256 is known is never changed.

mod images;
mod jpeg;
mod mp4;
mod stripped;

use std::io::{BufReader, Read, Seek};

use serde::{Deserialize, Serialize};

use crate::MediaType;
pub use stripped::{Segment, StrippedCopy};

/// What stands in the place of a piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filler {
    Nada,
    Bytes(Vec<u8>),
    /// As many zeros as there were bytes, so that what follows stays where the file says it is.
    Ceros,
}

/// A piece of a file, in bytes from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    pub desde: u64,
    pub hasta: u64,
    pub relleno: Filler,
}

impl Cut {
    fn new(desde: u64, hasta: u64, relleno: Filler) -> Self {
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
pub fn cuts(
    tipo: MediaType,
    f: &mut (impl Read + Seek),
    len: u64,
) -> std::io::Result<Option<Vec<Cut>>> {
    let found = match tipo {
        MediaType::Jpeg => jpeg::cuts(&mut BufReader::new(f), len),
        MediaType::Png => images::png(f, len),
        MediaType::Webp => images::webp(f, len),
        MediaType::Mp4 | MediaType::M4a => mp4::cuts(f, len),
        MediaType::Pdf => Ok(Some(vec![])),
    };
    match found {
        // Shorter than it says.
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        otro => otro,
    }
}
