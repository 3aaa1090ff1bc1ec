//! Which photos can be shown.

use sigra_multimedia::{Tipo, VISTA, medidas};
use typst::{
    foundations::{Array, Bytes, Value},
    visualize::{ExchangeFormat, RasterImage},
};

use crate::Foto;

/// Photos of an informe that are shown; the others are named.
pub const MAX_FOTOS: usize = 20;
/// Of one photo. Our copies are smaller, and all of an informe's are in memory together.
pub const MAX_PIXELES: u64 = VISTA as u64 * VISTA as u64;

/// For each photo its bytes, or `none` where it can't be shown: to the compiler an image that it
/// can't decode is an error of the whole document.
pub(crate) fn visibles(fotos: &[Foto]) -> Array {
    let visible = |(i, foto): (usize, &Foto)| {
        let bytes = if i < MAX_FOTOS {
            decodificable(&foto.jpeg)
        } else {
            None
        };
        bytes.map_or(Value::None, Value::Bytes)
    };
    fotos.iter().enumerate().map(visible).collect()
}

/// Asks the decoder that the compiler uses. It remembers what it decoded, so that nothing is
/// decoded twice.
fn decodificable(jpeg: &[u8]) -> Option<Bytes> {
    medidas(Tipo::Jpeg, jpeg).filter(|m| m.pixeles() <= MAX_PIXELES)?;
    let bytes = Bytes::new(jpeg.to_vec());
    RasterImage::plain(bytes.clone(), ExchangeFormat::Jpg).ok()?;
    Some(bytes)
}
