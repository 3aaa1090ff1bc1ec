//! How large an image says it is: read from its header, without decoding anything.

use crate::MediaType;

/// The beginning of a file in which an image's size must stand. Phones put a preview and a profile
/// before it, each of at most 64 KiB.
pub const MAX_HEADER: usize = 1024 * 1024;
/// Largest image that is kept, in pixels.
pub const MAX_PIXELS: u64 = 100_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    pub ancho: u32,
    pub alto: u32,
}

impl Dimensions {
    pub fn pixels(self) -> u64 {
        u64::from(self.ancho) * u64::from(self.alto)
    }
}

/// From the first bytes of a file; `None` when they don't say, as in a damaged image, or when the
/// file is none.
pub fn dimensions(tipo: MediaType, start: &[u8]) -> Option<Dimensions> {
    match tipo {
        MediaType::Jpeg => jpeg(start),
        MediaType::Png => png(start),
        MediaType::Webp => webp(start),
        MediaType::Mp4 | MediaType::M4a | MediaType::Pdf => None,
    }
}

/// Frame header (ITU-T T.81, B.2.2): any SOF but DHT, JPG and DAC, which share its numbers.
fn jpeg(start: &[u8]) -> Option<Dimensions> {
    let mut en = 2;
    loop {
        let (marker, data, sigue) = jpeg_segment(start, en)?;
        match marker {
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => {
                let d = start.get(data..data + 5)?;
                return Some(Dimensions {
                    alto: u16::from_be_bytes([d[1], d[2]]).into(),
                    ancho: u16::from_be_bytes([d[3], d[4]]).into(),
                });
            }
            0xda => return None,
            _ => en = sigue,
        }
    }
}

/// The marker at `en`, where its data begins and where the next marker is.
pub(crate) fn jpeg_segment(all: &[u8], mut en: usize) -> Option<(u8, usize, usize)> {
    if *all.get(en)? != 0xff {
        return None;
    }
    // Any number of fill bytes may stand before a marker.
    while *all.get(en)? == 0xff {
        en += 1;
    }
    let marker = all[en];
    // TEM, RSTn and SOI have no length.
    if matches!(marker, 0x01 | 0xd0..=0xd8) {
        return Some((marker, en + 1, en + 1));
    }
    if marker == 0xd9 {
        return None;
    }
    let len = all.get(en + 1..en + 3)?;
    let len = usize::from(u16::from_be_bytes([len[0], len[1]]));
    (len >= 2).then_some((marker, en + 3, en + 1 + len))
}

/// IHDR is the first chunk (W3C PNG, 11.2.1).
fn png(start: &[u8]) -> Option<Dimensions> {
    let d = start.get(8..24)?;
    (&d[4..8] == b"IHDR").then(|| Dimensions {
        ancho: u32::from_be_bytes([d[8], d[9], d[10], d[11]]),
        alto: u32::from_be_bytes([d[12], d[13], d[14], d[15]]),
    })
}

/// RFC 9649: the canvas of the extended form, or the frame of a simple one.
fn webp(start: &[u8]) -> Option<Dimensions> {
    let d = start.get(12..30)?;
    let (ancho, alto) = match &d[..4] {
        b"VP8X" => (
            u32::from_le_bytes([d[12], d[13], d[14], 0]) + 1,
            u32::from_le_bytes([d[15], d[16], d[17], 0]) + 1,
        ),
        b"VP8 " if d[11..14] == [0x9d, 0x01, 0x2a] => (
            u32::from(u16::from_le_bytes([d[14], d[15]]) & 0x3fff),
            u32::from(u16::from_le_bytes([d[16], d[17]]) & 0x3fff),
        ),
        b"VP8L" if d[8] == 0x2f => {
            let bits = u32::from_le_bytes([d[9], d[10], d[11], d[12]]);
            ((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1)
        }
        _ => return None,
    };
    Some(Dimensions { ancho, alto })
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat};
    use proptest::prelude::*;

    use super::*;

    fn encoded_image(formato: ImageFormat, ancho: u32, alto: u32) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        DynamicImage::new_rgb8(ancho, alto)
            .write_to(&mut bytes, formato)
            .unwrap();
        bytes.into_inner()
    }

    #[test]
    fn as_the_decoder_says() {
        for (tipo, formato) in [
            (MediaType::Jpeg, ImageFormat::Jpeg),
            (MediaType::Png, ImageFormat::Png),
            (MediaType::Webp, ImageFormat::WebP),
        ] {
            for (ancho, alto) in [(1, 1), (640, 3), (17, 900)] {
                let bytes = encoded_image(formato, ancho, alto);
                assert_eq!(
                    dimensions(tipo, &bytes),
                    Some(Dimensions { ancho, alto }),
                    "{tipo:?}"
                );
                assert_eq!(dimensions(tipo, &bytes[..bytes.len().min(12)]), None);
            }
        }
    }

    #[test]
    fn a_preview_before_the_frame_is_passed_by() {
        let mut bytes = encoded_image(ImageFormat::Jpeg, 30, 20);
        let mut app1 = vec![0xff, 0xe1, 0xff, 0xff];
        app1.resize(2 + 0xffff, 0xff);
        bytes.splice(2..2, app1);
        assert_eq!(
            dimensions(MediaType::Jpeg, &bytes),
            Some(Dimensions {
                ancho: 30,
                alto: 20
            })
        );
    }

    proptest! {
        #[test]
        fn any_bytes(tipo in 0..6_usize, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            dimensions(MediaType::ALL[tipo], &bytes);
        }
    }
}
