//! Which photos can be shown.

use sigra_media::{MediaType, PREVIEW_SIZE, dimensions};
use typst::{
    foundations::{Array, Bytes, Value},
    visualize::{ExchangeFormat, RasterImage},
};

use crate::Photo;

/// Photos of an informe that are shown; the others are named.
pub const MAX_PHOTOS: usize = 20;
/// Of one photo. Our copies are smaller, and all of an informe's are in memory together.
pub const MAX_PIXELS: u64 = PREVIEW_SIZE as u64 * PREVIEW_SIZE as u64;

/// For each photo its bytes, or `none` where it can't be shown: to the compiler an image that it
/// can't decode is an error of the whole document.
pub(crate) fn displayable(fotos: &[Photo]) -> Array {
    let visible = |(i, foto): (usize, &Photo)| {
        let bytes = if i < MAX_PHOTOS {
            decodable(&foto.jpeg)
        } else {
            None
        };
        bytes.map_or(Value::None, Value::Bytes)
    };
    fotos.iter().enumerate().map(visible).collect()
}

/// Asks the decoder that the compiler uses. It remembers what it decoded, so that nothing is
/// decoded twice.
fn decodable(jpeg: &[u8]) -> Option<Bytes> {
    dimensions(MediaType::Jpeg, jpeg).filter(|m| m.pixels() <= MAX_PIXELS)?;
    let bytes = Bytes::new(jpeg.to_vec());
    RasterImage::plain(bytes.clone(), ExchangeFormat::Jpg).ok()?;
    Some(bytes)
}
