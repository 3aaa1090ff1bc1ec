//! Small copies of a photo for a list and for a screen: JPEG, the right way up, on white where the
//! original is transparent, and with nothing in them but the picture.
//!
//! This is the one place where an image is decoded. Whoever calls it gives it a thread of its own,
//! one image at a time.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, Limits, Rgb, RgbImage,
    codecs::{
        jpeg::{JpegDecoder, JpegEncoder},
        png::PngDecoder,
        webp::WebPDecoder,
    },
    metadata::Orientation,
};

use crate::{
    MediaType,
    dimensions::{Dimensions, MAX_PIXELS, dimensions, jpeg_segment},
};

/// Longest side of the copy for a list, in pixels.
pub const THUMBNAIL_SIZE: u32 = 320;
/// Longest side of the copy for a screen.
pub const PREVIEW_SIZE: u32 = 1_280;
/// Memory that decoding an image may take, the file itself included.
pub const MAX_DECODE_MEMORY: u64 = 320 * 1024 * 1024;
/// For what is not the picture: tables, the small copies.
const RESERVED: u64 = 16 * 1024 * 1024;
const THUMBNAIL_QUALITY: u8 = 75;
const PREVIEW_QUALITY: u8 = 82;

/// The copies of a photo, as JPEG files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previews {
    pub miniatura: Vec<u8>,
    pub vista: Vec<u8>,
}

/// Why a photo has none. It is kept all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPreviews {
    #[error("no es una imagen")]
    NoEsImagen,
    #[error("la imagen está dañada")]
    Danada,
    #[error("decodificarla tomaría demasiada memoria")]
    MuyGrande,
}

/// Of a whole file.
pub fn make_previews(tipo: MediaType, bytes: Vec<u8>) -> Result<Previews, NoPreviews> {
    let m = dimensions(tipo, &bytes).ok_or(NoPreviews::Danada)?;
    if m.pixels() == 0 {
        return Err(NoPreviews::Danada);
    }
    if m.pixels() > MAX_PIXELS {
        return Err(NoPreviews::MuyGrande);
    }
    let del_archivo = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let para_pixeles = MAX_DECODE_MEMORY - RESERVED;
    let para_pixeles = para_pixeles.saturating_sub(del_archivo + working_memory(tipo, &bytes));
    let bytes = Cursor::new(bytes);
    let (imagen, orientacion) = match tipo {
        MediaType::Jpeg => decode(JpegDecoder::new(bytes), para_pixeles),
        MediaType::Png => decode(png(bytes), para_pixeles),
        MediaType::Webp => decode(WebPDecoder::new(bytes), para_pixeles),
        MediaType::Mp4 | MediaType::M4a | MediaType::Pdf => return Err(NoPreviews::NoEsImagen),
    }?;
    let mut vista = downscale(&imagen, PREVIEW_SIZE);
    drop(imagen);
    vista.apply_orientation(orientacion);
    let vista = flatten_on_white(&vista);
    let miniatura = downscale(&DynamicImage::ImageRgb8(vista.clone()), THUMBNAIL_SIZE);
    Ok(Previews {
        miniatura: to_jpeg(&miniatura.into_rgb8(), THUMBNAIL_QUALITY)?,
        vista: to_jpeg(&vista, PREVIEW_QUALITY)?,
    })
}

/// What the decoder holds beside the pixels, in bytes: of a JPEG that is progressive or has four
/// components, all its coefficients, two bytes each.
fn working_memory(tipo: MediaType, bytes: &[u8]) -> u64 {
    if tipo != MediaType::Jpeg {
        return 0;
    }
    let mut en = 2;
    while let Some((marker, data, sigue)) = jpeg_segment(bytes, en) {
        match marker {
            0xc0..=0xc2 => {
                let componentes = bytes.get(data + 5).copied().unwrap_or(4).min(4);
                if marker != 0xc2 && componentes < 4 {
                    return 0;
                }
                let pixeles = dimensions(tipo, bytes).map_or(u64::MAX, Dimensions::pixels);
                return pixeles.saturating_mul(u64::from(componentes) * 2);
            }
            0xda => return 0,
            _ => en = sigue,
        }
    }
    0
}

/// What is compressed beside the picture (a profile of colours) is not unpacked beyond the reserve.
fn png(bytes: Cursor<Vec<u8>>) -> image::ImageResult<PngDecoder<Cursor<Vec<u8>>>> {
    let mut limites = Limits::no_limits();
    limites.max_alloc = Some(RESERVED);
    PngDecoder::with_limits(bytes, limites)
}

/// Of an animation, the first picture.
fn decode<D: ImageDecoder>(
    decodificador: image::ImageResult<D>,
    max_bytes: u64,
) -> Result<(DynamicImage, Orientation), NoPreviews> {
    let mut d = decodificador.map_err(|_| NoPreviews::Danada)?;
    if d.total_bytes() > max_bytes {
        return Err(NoPreviews::MuyGrande);
    }
    let mut limites = Limits::no_limits();
    limites.max_alloc = Some(max_bytes);
    d.set_limits(limites).map_err(|_| NoPreviews::MuyGrande)?;
    let orientacion = d.orientation().unwrap_or(Orientation::NoTransforms);
    let imagen = DynamicImage::from_decoder(d).map_err(|e| match e {
        image::ImageError::Limits(_) => NoPreviews::MuyGrande,
        _ => NoPreviews::Danada,
    })?;
    Ok((imagen, orientacion))
}

/// With no side longer than that; never larger than it was.
fn downscale(imagen: &DynamicImage, side: u32) -> DynamicImage {
    if imagen.width().max(imagen.height()) <= side {
        return imagen.clone();
    }
    imagen.thumbnail(side, side)
}

fn flatten_on_white(imagen: &DynamicImage) -> RgbImage {
    if !imagen.color().has_alpha() {
        return imagen.to_rgb8();
    }
    let rgba = imagen.to_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        let mezcla = |c: u8| {
            let checksum = u16::from(c) * u16::from(a) + 255 * (255 - u16::from(a));
            u8::try_from(checksum / 255).unwrap_or(u8::MAX)
        };
        Rgb([mezcla(r), mezcla(g), mezcla(b)])
    })
}

fn to_jpeg(imagen: &RgbImage, calidad: u8) -> Result<Vec<u8>, NoPreviews> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, calidad)
        .encode_image(imagen)
        .map_err(|_| NoPreviews::Danada)?;
    Ok(bytes)
}
