use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use proptest::prelude::*;

use super::{
    COLORS, HEIGHT, WIDTH, contains, encoded, jpeg_with_exif, look_alike, quadrant_colors,
};
use crate::{
    MediaType, NoPreviews, PREVIEW_SIZE, Previews, THUMBNAIL_SIZE, previews::make_previews,
};

fn open(jpeg: &[u8]) -> image::RgbImage {
    image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg)
        .unwrap()
        .into_rgb8()
}

#[test]
fn each_kind_of_image() {
    let dieciseis = {
        let mut b = std::io::Cursor::new(Vec::new());
        let imagen = DynamicImage::ImageRgb8(super::quadrants()).into_rgba16();
        imagen.write_to(&mut b, ImageFormat::Png).unwrap();
        b.into_inner()
    };
    for (nombre, tipo, bytes) in [
        ("jpeg", MediaType::Jpeg, encoded(ImageFormat::Jpeg)),
        ("png", MediaType::Png, encoded(ImageFormat::Png)),
        ("webp", MediaType::Webp, encoded(ImageFormat::WebP)),
        ("16 bits", MediaType::Png, dieciseis),
        (
            "cmyk",
            MediaType::Jpeg,
            include_bytes!("../../samples/cmyk.jpg").to_vec(),
        ),
        (
            "progresiva",
            MediaType::Jpeg,
            include_bytes!("../../samples/progresiva.jpg").to_vec(),
        ),
        (
            "paleta",
            MediaType::Png,
            include_bytes!("../../samples/paleta.png").to_vec(),
        ),
        (
            "webp con pérdida",
            MediaType::Webp,
            include_bytes!("../../samples/perdida.webp").to_vec(),
        ),
        // The first picture of each.
        (
            "animada",
            MediaType::Png,
            include_bytes!("../../samples/animada.png").to_vec(),
        ),
        (
            "webp animada",
            MediaType::Webp,
            include_bytes!("../../samples/animada.webp").to_vec(),
        ),
    ] {
        let Previews { miniatura, vista } =
            make_previews(tipo, bytes).unwrap_or_else(|e| panic!("{nombre}: {e}"));
        for copy in [miniatura, vista] {
            assert_eq!(
                MediaType::from_bytes(&copy),
                Ok(MediaType::Jpeg),
                "{nombre}"
            );
            let copy = open(&copy);
            assert_eq!(copy.dimensions(), (WIDTH, HEIGHT), "{nombre}");
            assert!(
                look_alike(quadrant_colors(&copy), COLORS),
                "{nombre}: {:?}",
                quadrant_colors(&copy)
            );
        }
    }
    let gris = make_previews(
        MediaType::Jpeg,
        include_bytes!("../../samples/gris.jpg").to_vec(),
    )
    .unwrap();
    assert_eq!(open(&gris.vista).dimensions(), (WIDTH, HEIGHT));
}

/// Exif 3.0, 4.6.5.1: which stored corner is shown at the top left, and at the top right.
#[test]
fn the_right_way_up() {
    let [tl, tr, bl, br] = [0, 1, 2, 3];
    for (orientacion, arriba) in [
        (1, [tl, tr]),
        (2, [tr, tl]),
        (3, [br, bl]),
        (4, [bl, br]),
        (5, [tl, bl]),
        (6, [bl, tl]),
        (7, [br, tr]),
        (8, [tr, br]),
    ] {
        let v = make_previews(MediaType::Jpeg, jpeg_with_exif(orientacion)).unwrap();
        for copy in [&v.miniatura, &v.vista] {
            assert!(!contains(copy, b"Exif"), "{orientacion}");
            let copy = open(copy);
            let de_pie = orientacion >= 5;
            assert_eq!(copy.width() < copy.height(), de_pie, "{orientacion}");
            let [izquierda, derecha, ..] = quadrant_colors(&copy);
            let [i, d] = arriba.map(|i| COLORS[i]);
            assert!(
                look_alike([izquierda, derecha, i, d], [i, d, i, d]),
                "{orientacion}: {izquierda:?} {derecha:?}"
            );
        }
    }
}

#[test]
fn sizes() {
    let grande = DynamicImage::new_rgb8(4_000, 1_000);
    let mut b = std::io::Cursor::new(Vec::new());
    grande.write_to(&mut b, ImageFormat::Jpeg).unwrap();
    let v = make_previews(MediaType::Jpeg, b.into_inner()).unwrap();
    assert_eq!(
        open(&v.miniatura).dimensions(),
        (THUMBNAIL_SIZE, THUMBNAIL_SIZE / 4)
    );
    assert_eq!(
        open(&v.vista).dimensions(),
        (PREVIEW_SIZE, PREVIEW_SIZE / 4)
    );
}

#[test]
fn transparency_is_white() {
    let clara = RgbaImage::from_pixel(10, 10, Rgba([0, 0, 0, 0]));
    let mut b = std::io::Cursor::new(Vec::new());
    clara.write_to(&mut b, ImageFormat::Png).unwrap();
    let v = make_previews(MediaType::Png, b.into_inner()).unwrap();
    assert!(
        open(&v.vista)
            .pixels()
            .all(|p| p.0.iter().all(|c| *c > 250))
    );
}

#[test]
fn damaged_ones_have_none() {
    let png = encoded(ImageFormat::Png);
    assert_eq!(
        make_previews(MediaType::Png, png[..png.len() / 2].to_vec()),
        Err(NoPreviews::Danada)
    );
    let jpeg = encoded(ImageFormat::Jpeg);
    assert_eq!(
        make_previews(MediaType::Jpeg, jpeg[..30].to_vec()),
        Err(NoPreviews::Danada)
    );
    assert_eq!(
        make_previews(MediaType::Pdf, b"%PDF-1.7".to_vec()),
        Err(NoPreviews::Danada)
    );
}

/// Headers that promise more than there is: refused before a byte is set aside for them.
#[test]
fn bombs_have_none() {
    let mut png = encoded(ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0x36, 0xb0, 0, 0, 0x36, 0xb0]); // 14,000²
    assert_eq!(
        make_previews(MediaType::Png, png),
        Err(NoPreviews::MuyGrande)
    );
    for (archivo, sof, side) in [
        (encoded(ImageFormat::Jpeg), 0xc0, [0xff, 0xff]),
        // 9,000²: its coefficients would not fit.
        (
            include_bytes!("../../samples/progresiva.jpg").to_vec(),
            0xc2,
            [0x23, 0x28],
        ),
        (
            include_bytes!("../../samples/cmyk.jpg").to_vec(),
            0xc0,
            [0x23, 0x28],
        ),
    ] {
        let mut jpeg = archivo;
        let en = jpeg.windows(2).position(|v| v == [0xff, sof]).unwrap();
        jpeg[en + 5..en + 7].copy_from_slice(&side);
        jpeg[en + 7..en + 9].copy_from_slice(&side);
        assert_eq!(
            make_previews(MediaType::Jpeg, jpeg),
            Err(NoPreviews::MuyGrande)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A byte that the link or the card changed is at worst a damaged photo.
    #[test]
    fn any_change(cual in 0..3_usize, cambios in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8)) {
        let (tipo, formato) = [
            (MediaType::Jpeg, ImageFormat::Jpeg),
            (MediaType::Png, ImageFormat::Png),
            (MediaType::Webp, ImageFormat::WebP),
        ][cual];
        let mut bytes = encoded(formato);
        for (donde, que) in cambios {
            let n = bytes.len();
            bytes[donde % n] = que;
        }
        make_previews(tipo, bytes).ok();
    }
}
