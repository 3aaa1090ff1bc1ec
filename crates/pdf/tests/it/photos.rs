use sigra_pdf::MAX_PHOTOS;

use crate::{
    pdf::Pdf,
    support::{jpeg, minimal, photo},
};

const CANNOT_SHOW: &str = "No se puede mostrar";

#[test]
fn a_damaged_photo_is_told_in_its_place() {
    let sana = jpeg(640, 480, 1);
    for (caso, danada) in [
        ("vacía", vec![]),
        ("texto", b"esto no es una foto".to_vec()),
        ("solo el inicio", sana[..20].to_vec()),
        ("tablas rotas", {
            let mut bytes = sana.clone();
            bytes[20..600].fill(0xa5);
            bytes
        }),
        ("enorme", {
            let en = sana.windows(2).position(|v| v == [0xff, 0xc0]).unwrap();
            let mut bytes = sana.clone();
            bytes[en + 5..en + 9].fill(0xff);
            bytes
        }),
    ] {
        let mut informe = minimal();
        informe.fotos = vec![
            photo(1, sana.clone()),
            photo(2, danada),
            photo(3, sana.clone()),
        ];
        let pdf = Pdf::render(&informe);
        assert_eq!(
            pdf.texto.matches(&CANNOT_SHOW.replace(' ', "")).count(),
            1,
            "{caso}"
        );
        for foto in &informe.fotos {
            pdf.assert_says(&foto.nombre);
            pdf.assert_says(&foto.sha256);
        }
        // The two that are sound are the same picture.
        assert_eq!(pdf.count_images(), 1, "{caso}");
    }
}

/// Whatever the decoder lets pass, the compiler and the PDF's writer must take.
#[test]
fn photos_damaged_anywhere_break_nothing() {
    let sana = jpeg(96, 64, 1);
    let mut semilla = 1_u64;
    let mut azar = |n: usize| {
        semilla = semilla
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(semilla >> 33).unwrap() % n
    };
    let mut mostradas = 0;
    for _ in 0..25 {
        let mut informe = minimal();
        for n in 0..20 {
            let mut bytes = sana.clone();
            // Half of them in the tables at the beginning, where it matters most.
            let hasta = if n % 2 == 0 {
                640.min(sana.len())
            } else {
                sana.len()
            };
            for _ in 0..=azar(4) {
                bytes[azar(hasta)] = u8::try_from(azar(256)).unwrap();
            }
            if n % 5 == 0 {
                bytes.truncate(azar(sana.len()));
            }
            informe.fotos.push(photo(n, bytes));
        }
        let pdf = Pdf::render(&informe);
        let sin = pdf.texto.matches(&CANNOT_SHOW.replace(' ', "")).count();
        assert!(sin <= 20);
        mostradas += 20 - sin;
    }
    assert!((50..450).contains(&mostradas), "{mostradas}");
}

#[test]
fn past_the_limit_they_are_named() {
    let mut informe = minimal();
    let una = jpeg(64, 48, 1);
    informe.fotos = (0..25).map(|n| photo(n, una.clone())).collect();
    let pdf = Pdf::render(&informe);
    assert_eq!(pdf.texto.matches("Nosemuestra").count(), 25 - MAX_PHOTOS);
    for foto in &informe.fotos {
        pdf.assert_says(&foto.sha256);
    }
}
