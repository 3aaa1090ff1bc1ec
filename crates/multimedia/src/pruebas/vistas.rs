use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use proptest::prelude::*;

use super::{ALTO, ANCHO, COLORES, colores, contiene, en, jpeg_con_exif, parecidos};
use crate::{MINIATURA, SinVistas, Tipo, VISTA, Vistas, vistas::vistas};

fn abre(jpeg: &[u8]) -> image::RgbImage {
    image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg)
        .unwrap()
        .into_rgb8()
}

#[test]
fn each_kind_of_image() {
    let dieciseis = {
        let mut b = std::io::Cursor::new(Vec::new());
        let imagen = DynamicImage::ImageRgb8(super::cuadrantes()).into_rgba16();
        imagen.write_to(&mut b, ImageFormat::Png).unwrap();
        b.into_inner()
    };
    for (nombre, tipo, bytes) in [
        ("jpeg", Tipo::Jpeg, en(ImageFormat::Jpeg)),
        ("png", Tipo::Png, en(ImageFormat::Png)),
        ("webp", Tipo::Webp, en(ImageFormat::WebP)),
        ("16 bits", Tipo::Png, dieciseis),
        (
            "cmyk",
            Tipo::Jpeg,
            include_bytes!("../../pruebas/cmyk.jpg").to_vec(),
        ),
        (
            "progresiva",
            Tipo::Jpeg,
            include_bytes!("../../pruebas/progresiva.jpg").to_vec(),
        ),
        (
            "paleta",
            Tipo::Png,
            include_bytes!("../../pruebas/paleta.png").to_vec(),
        ),
        (
            "webp con pérdida",
            Tipo::Webp,
            include_bytes!("../../pruebas/perdida.webp").to_vec(),
        ),
        // The first picture of each.
        (
            "animada",
            Tipo::Png,
            include_bytes!("../../pruebas/animada.png").to_vec(),
        ),
        (
            "webp animada",
            Tipo::Webp,
            include_bytes!("../../pruebas/animada.webp").to_vec(),
        ),
    ] {
        let Vistas { miniatura, vista } =
            vistas(tipo, bytes).unwrap_or_else(|e| panic!("{nombre}: {e}"));
        for copia in [miniatura, vista] {
            assert_eq!(Tipo::de_bytes(&copia), Ok(Tipo::Jpeg), "{nombre}");
            let copia = abre(&copia);
            assert_eq!(copia.dimensions(), (ANCHO, ALTO), "{nombre}");
            assert!(
                parecidos(colores(&copia), COLORES),
                "{nombre}: {:?}",
                colores(&copia)
            );
        }
    }
    let gris = vistas(
        Tipo::Jpeg,
        include_bytes!("../../pruebas/gris.jpg").to_vec(),
    )
    .unwrap();
    assert_eq!(abre(&gris.vista).dimensions(), (ANCHO, ALTO));
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
        let v = vistas(Tipo::Jpeg, jpeg_con_exif(orientacion)).unwrap();
        for copia in [&v.miniatura, &v.vista] {
            assert!(!contiene(copia, b"Exif"), "{orientacion}");
            let copia = abre(copia);
            let de_pie = orientacion >= 5;
            assert_eq!(copia.width() < copia.height(), de_pie, "{orientacion}");
            let [izquierda, derecha, ..] = colores(&copia);
            let [i, d] = arriba.map(|i| COLORES[i]);
            assert!(
                parecidos([izquierda, derecha, i, d], [i, d, i, d]),
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
    let v = vistas(Tipo::Jpeg, b.into_inner()).unwrap();
    assert_eq!(abre(&v.miniatura).dimensions(), (MINIATURA, MINIATURA / 4));
    assert_eq!(abre(&v.vista).dimensions(), (VISTA, VISTA / 4));
}

#[test]
fn transparency_is_white() {
    let clara = RgbaImage::from_pixel(10, 10, Rgba([0, 0, 0, 0]));
    let mut b = std::io::Cursor::new(Vec::new());
    clara.write_to(&mut b, ImageFormat::Png).unwrap();
    let v = vistas(Tipo::Png, b.into_inner()).unwrap();
    assert!(
        abre(&v.vista)
            .pixels()
            .all(|p| p.0.iter().all(|c| *c > 250))
    );
}

#[test]
fn damaged_ones_have_none() {
    let png = en(ImageFormat::Png);
    assert_eq!(
        vistas(Tipo::Png, png[..png.len() / 2].to_vec()),
        Err(SinVistas::Danada)
    );
    let jpeg = en(ImageFormat::Jpeg);
    assert_eq!(
        vistas(Tipo::Jpeg, jpeg[..30].to_vec()),
        Err(SinVistas::Danada)
    );
    assert_eq!(
        vistas(Tipo::Pdf, b"%PDF-1.7".to_vec()),
        Err(SinVistas::Danada)
    );
}

/// Headers that promise more than there is: refused before a byte is set aside for them.
#[test]
fn bombs_have_none() {
    let mut png = en(ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0x36, 0xb0, 0, 0, 0x36, 0xb0]); // 14,000²
    assert_eq!(vistas(Tipo::Png, png), Err(SinVistas::MuyGrande));
    for (archivo, sof, lado) in [
        (en(ImageFormat::Jpeg), 0xc0, [0xff, 0xff]),
        // 9,000²: its coefficients would not fit.
        (
            include_bytes!("../../pruebas/progresiva.jpg").to_vec(),
            0xc2,
            [0x23, 0x28],
        ),
        (
            include_bytes!("../../pruebas/cmyk.jpg").to_vec(),
            0xc0,
            [0x23, 0x28],
        ),
    ] {
        let mut jpeg = archivo;
        let en = jpeg.windows(2).position(|v| v == [0xff, sof]).unwrap();
        jpeg[en + 5..en + 7].copy_from_slice(&lado);
        jpeg[en + 7..en + 9].copy_from_slice(&lado);
        assert_eq!(vistas(Tipo::Jpeg, jpeg), Err(SinVistas::MuyGrande));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A byte that the link or the card changed is at worst a damaged photo.
    #[test]
    fn any_change(cual in 0..3_usize, cambios in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8)) {
        let (tipo, formato) = [
            (Tipo::Jpeg, ImageFormat::Jpeg),
            (Tipo::Png, ImageFormat::Png),
            (Tipo::Webp, ImageFormat::WebP),
        ][cual];
        let mut bytes = en(formato);
        for (donde, que) in cambios {
            let n = bytes.len();
            bytes[donde % n] = que;
        }
        vistas(tipo, bytes).ok();
    }
}
