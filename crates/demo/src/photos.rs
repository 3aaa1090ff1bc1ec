//! Photos of the shift: made up, but real JPEG files that tell where they were taken, as a phone's do.

use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};

use crate::{error::DemoError, rng::Rng};

const WIDTH: u32 = 480;
const HEIGHT: u32 = 360;
const QUALITY: u8 = 80;

/// A rock face of its own; some 30 KiB.
pub(super) fn photo(rng: &mut Rng) -> Result<Vec<u8>, DemoError> {
    let vetas: Vec<(u32, u32, u8)> = (0..24)
        .map(|_| {
            let mut al_azar = |n: u32| u32::try_from(rng.below(n.into())).unwrap_or(0);
            let (x, y) = (al_azar(WIDTH), al_azar(HEIGHT));
            (x, y, u8::try_from(60 + al_azar(140)).unwrap_or(128))
        })
        .collect();
    let ruido = rng.next_u64();
    let imagen = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        // The nearest lump of rock, and its grain.
        let cerca = vetas
            .iter()
            .min_by_key(|(vx, vy, _)| vx.abs_diff(x).pow(2) + vy.abs_diff(y).pow(2));
        let tono = cerca.map_or(128, |v| v.2);
        let grano = ruido.rotate_left(x * 7 + y * 13).to_le_bytes()[0] % 24;
        let gris = tono.saturating_add(grano);
        Rgb([gris, gris.saturating_sub(12), gris.saturating_sub(24)])
    });
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode_image(&imagen)
        .map_err(|e| DemoError::Interno(e.to_string()))?;
    let exif = exif();
    let largo = u16::try_from(exif.len() + 2).unwrap_or(2).to_be_bytes();
    let inicio = jpeg.split_off(2);
    // After the first marker (Exif 2.3, 4.5.4).
    Ok([&jpeg[..], &[0xff, 0xe1], &largo, &exif, &inicio].concat())
}

/// A place in the Andes: one directory that points to that of the place, and three numbers for each of
/// latitude and longitude (Exif 2.3, 4.6.6).
fn exif() -> Vec<u8> {
    const GPS: u32 = 26;
    const LATITUDE_OFFSET: u32 = GPS + 2 + 4 * 12 + 4;
    const LONGITUDE_OFFSET: u32 = LATITUDE_OFFSET + 24;
    let entrada = |marca: u16, tipo: u16, cuantos: u32, valor: u32| {
        let mut e = [marca.to_le_bytes(), tipo.to_le_bytes()].concat();
        e.extend([cuantos.to_le_bytes(), valor.to_le_bytes()].concat());
        e
    };
    let angulo = |grados: u32, minutos: u32, segundos: u32| {
        [grados, 1, minutos, 1, segundos, 100]
            .map(u32::to_le_bytes)
            .concat()
    };
    let (sur, oeste) = (u32::from(b'S'), u32::from(b'W'));
    [
        b"Exif\0\0II*\0".to_vec(),
        8_u32.to_le_bytes().to_vec(),
        1_u16.to_le_bytes().to_vec(),
        entrada(0x8825, 4, 1, GPS),
        0_u32.to_le_bytes().to_vec(),
        4_u16.to_le_bytes().to_vec(),
        entrada(1, 2, 2, sur),
        entrada(2, 5, 3, LATITUDE_OFFSET),
        entrada(3, 2, 2, oeste),
        entrada(4, 5, 3, LONGITUDE_OFFSET),
        0_u32.to_le_bytes().to_vec(),
        angulo(33, 9, 432),
        angulo(70, 17, 1_356),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use sigra_media::{MediaType, cuts, dimensions, make_previews};

    use super::{HEIGHT, WIDTH, photo};
    use crate::rng::Rng;

    #[test]
    fn a_photo_has_a_place_and_can_be_seen() {
        let mut rng = Rng::new(7);
        let (una, otra) = (photo(&mut rng).unwrap(), photo(&mut rng).unwrap());
        assert_ne!(una, otra);
        assert!((10_000..80_000).contains(&una.len()), "{}", una.len());
        let m = dimensions(MediaType::Jpeg, &una).unwrap();
        assert_eq!((m.ancho, m.alto), (WIDTH, HEIGHT));
        let largo = una.len() as u64;
        let cortes = cuts(MediaType::Jpeg, &mut std::io::Cursor::new(&una), largo).unwrap();
        assert!(cortes.is_some_and(|c| !c.is_empty()), "no dice dónde");
        make_previews(MediaType::Jpeg, una).unwrap();
    }
}
