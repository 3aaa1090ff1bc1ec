//! Pictures for the tests: four quadrants of known colours, with and without what cameras add.

mod previews;
mod strip;

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

pub(crate) const WIDTH: u32 = 64;
pub(crate) const HEIGHT: u32 = 48;

/// Red, green, blue, yellow: top left, top right, bottom left, bottom right.
pub(crate) const COLORS: [[u8; 3]; 4] =
    [[220, 30, 30], [30, 200, 40], [30, 40, 220], [240, 220, 30]];

pub(crate) fn quadrants() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let cual = usize::from(x >= WIDTH / 2) + 2 * usize::from(y >= HEIGHT / 2);
        Rgb(COLORS[cual])
    })
}

pub(crate) fn encoded(formato: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(quadrants())
        .write_to(&mut bytes, formato)
        .unwrap();
    bytes.into_inner()
}

/// EXIF with a way up and a place; `SECRET` stands for where it was.
pub(crate) fn exif(orientacion: u8) -> Vec<u8> {
    let mut t = b"MM\0\x2a\0\0\0\x08\0\x02".to_vec();
    t.extend_from_slice(&[0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientacion, 0, 0]);
    // GPS IFD at 38.
    t.extend_from_slice(&[0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38, 0, 0, 0, 0]);
    // GPSLatitudeRef and GPSAreaInformation.
    t.extend_from_slice(&[0, 2, 0, 1, 0, 2, 0, 0, 0, 2, b'S', 0, 0, 0]);
    t.extend_from_slice(&[0, 0x1c, 0, 7, 0, 0, 0, 7, 0, 0, 0, 68, 0, 0, 0, 0]);
    t.extend_from_slice(SECRET);
    t
}

pub(crate) const SECRET: &[u8] = b"SECRETO";

/// Puts a segment right after SOI.
pub(crate) fn with_segment(jpeg: &[u8], marker: u8, data: &[u8]) -> Vec<u8> {
    let mut con = jpeg[..2].to_vec();
    con.extend_from_slice(&[0xff, marker]);
    con.extend_from_slice(&u16::try_from(data.len() + 2).unwrap().to_be_bytes());
    con.extend_from_slice(data);
    con.extend_from_slice(&jpeg[2..]);
    con
}

pub(crate) fn jpeg_with_exif(orientacion: u8) -> Vec<u8> {
    let mut data = b"Exif\0\0".to_vec();
    data.extend_from_slice(&exif(orientacion));
    with_segment(&encoded(ImageFormat::Jpeg), 0xe1, &data)
}

pub(crate) fn contains(bytes: &[u8], parte: &[u8]) -> bool {
    bytes.windows(parte.len()).any(|v| v == parte)
}

/// The colours in the middle of each quadrant.
pub(crate) fn quadrant_colors(imagen: &RgbImage) -> [[u8; 3]; 4] {
    let (w, h) = imagen.dimensions();
    [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| imagen.get_pixel(w * x / 4, h * y / 4).0)
}

/// As far apart as the coarsest of the encoders leaves them.
pub(crate) fn look_alike(a: [[u8; 3]; 4], b: [[u8; 3]; 4]) -> bool {
    let mut pares = a.iter().flatten().zip(b.iter().flatten());
    pares.all(|(a, b)| a.abs_diff(*b) < 45)
}
