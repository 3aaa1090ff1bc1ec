use std::io::Cursor;

use image::ImageFormat;
use proptest::prelude::*;

use super::{SECRETO, con_segmento, contiene, en, exif, jpeg_con_exif};
use crate::{Limpia, Recorte, Tipo, Tramo, recortes};

fn halla(tipo: Tipo, bytes: &[u8]) -> Option<Vec<Recorte>> {
    let largo = u64::try_from(bytes.len()).unwrap();
    recortes(tipo, &mut Cursor::new(bytes), largo).unwrap()
}

/// The copy as it is sent.
fn limpia(tipo: Tipo, bytes: &[u8]) -> Vec<u8> {
    let hallados = halla(tipo, bytes).expect("el archivo está bien hecho");
    let copia = Limpia::nueva(u64::try_from(bytes.len()).unwrap(), &hallados);
    let mut todo = Vec::new();
    for t in copia.tramos(0..copia.largo()) {
        match t {
            Tramo::Original(r) => {
                let [a, b] = [r.start, r.end].map(|n| usize::try_from(n).unwrap());
                todo.extend_from_slice(&bytes[a..b]);
            }
            Tramo::Bytes(b) => todo.extend_from_slice(&b),
            Tramo::Ceros(n) => todo.resize(todo.len() + usize::try_from(n).unwrap(), 0),
        }
    }
    todo
}

fn mismos_pixeles(a: &[u8], b: &[u8]) {
    let [a, b] = [a, b].map(|bytes| image::load_from_memory(bytes).unwrap().into_rgba8());
    assert!(a == b);
}

#[test]
fn jpeg() {
    for orientacion in 1..=8 {
        let mut foto = jpeg_con_exif(orientacion);
        foto = con_segmento(&foto, 0xe1, b"http://ns.adobe.com/xap/1.0/\0<x SECRETO/>");
        foto = con_segmento(&foto, 0xed, b"Photoshop 3.0\0SECRETO");
        foto = con_segmento(&foto, 0xfe, SECRETO);
        let solo = foto.clone();
        // A second picture behind the first, as phones with two lenses make.
        foto.extend_from_slice(&jpeg_con_exif(3));
        let copia = limpia(Tipo::Jpeg, &foto);
        assert!(!contiene(&copia, SECRETO), "{orientacion}");
        assert_eq!(contiene(&copia, b"Exif"), orientacion > 1);
        mismos_pixeles(&copia, &solo);
        // The way up is still told.
        let [a, b] = [&solo, &copia].map(|f| crate::vistas(Tipo::Jpeg, f.clone()).unwrap());
        assert!(a == b, "{orientacion}");
        // What is clean is its own copy.
        assert_eq!(limpia(Tipo::Jpeg, &copia), copia);
    }
    let simple = en(ImageFormat::Jpeg);
    assert_eq!(limpia(Tipo::Jpeg, &simple), simple);
    let progresiva = include_bytes!("../../pruebas/progresiva.jpg");
    assert_eq!(limpia(Tipo::Jpeg, progresiva), progresiva);
}

/// Adobe's segment tells how the colours are meant.
#[test]
fn cmyk_keeps_its_colours() {
    let cmyk = include_bytes!("../../pruebas/cmyk.jpg");
    assert_eq!(limpia(Tipo::Jpeg, cmyk), cmyk);
}

#[test]
fn png() {
    let mut foto = en(ImageFormat::Png);
    let fin = foto.len() - 12;
    for (nombre, datos) in [(b"eXIf", exif(1)), (b"tEXt", b"Comment\0SECRETO".to_vec())] {
        let mut trozo = u32::try_from(datos.len()).unwrap().to_be_bytes().to_vec();
        trozo.extend_from_slice(nombre);
        trozo.extend_from_slice(&datos);
        // Nobody checks the sum of what is left out.
        trozo.extend_from_slice(&[0; 4]);
        foto.splice(fin..fin, trozo);
    }
    foto.extend_from_slice(SECRETO);
    let copia = limpia(Tipo::Png, &foto);
    assert_eq!(copia, en(ImageFormat::Png));
    let animada = include_bytes!("../../pruebas/animada.png");
    assert_eq!(limpia(Tipo::Png, animada), animada);
}

#[test]
fn webp() {
    let animada = include_bytes!("../../pruebas/animada.webp");
    assert_eq!(&animada[12..16], b"VP8X");
    assert_eq!(limpia(Tipo::Webp, animada), animada);
    let mut foto = animada.to_vec();
    foto[20] |= 0b1100;
    let mut datos = exif(1);
    datos.push(0);
    for nombre in [b"EXIF", b"XMP "] {
        foto.extend_from_slice(nombre);
        foto.extend_from_slice(&u32::try_from(datos.len()).unwrap().to_le_bytes());
        foto.extend_from_slice(&datos);
        if datos.len() % 2 == 1 {
            foto.push(0);
        }
    }
    let largo = u32::try_from(foto.len() - 8).unwrap().to_le_bytes();
    foto[4..8].copy_from_slice(&largo);
    foto.extend_from_slice(SECRETO);
    assert_eq!(limpia(Tipo::Webp, &foto), animada);
}

fn caja(tipo: [u8; 4], contenido: &[u8]) -> Vec<u8> {
    let mut c = u32::try_from(contenido.len() + 8)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    c.extend_from_slice(&tipo);
    c.extend_from_slice(contenido);
    c
}

fn video() -> Vec<u8> {
    let lugar = caja(*b"udta", &caja(*b"\xa9xyz", b"\0\x07\x15\xc7SECRETO"));
    let pista = [
        caja(*b"tkhd", &[1; 20]),
        caja(*b"udta", &caja(*b"loci", SECRETO)),
    ]
    .concat();
    let moov = [
        caja(*b"mvhd", &[2; 30]),
        lugar,
        caja(*b"trak", &pista),
        caja(*b"meta", SECRETO),
    ]
    .concat();
    let largo = 16 + 40_u64;
    let mut mdat = vec![0, 0, 0, 1];
    mdat.extend_from_slice(b"mdat");
    mdat.extend_from_slice(&largo.to_be_bytes());
    mdat.extend_from_slice(&[7; 40]);
    [
        caja(*b"ftyp", b"isom\0\0\x02\0isomiso2"),
        mdat,
        caja(*b"moov", &moov),
        caja(*b"uuid", SECRETO),
    ]
    .concat()
}

#[test]
fn mp4() {
    let video = video();
    let copia = limpia(Tipo::Mp4, &video);
    assert!(contiene(&video, SECRETO) && !contiene(&copia, SECRETO));
    assert_eq!(
        copia.len(),
        video.len(),
        "las tablas dicen dónde está cada cosa"
    );
    for se_queda in [&[7; 40][..], &[2; 30], &[1; 20], b"mvhd", b"tkhd"] {
        let en = |f: &[u8]| f.windows(se_queda.len()).position(|v| v == se_queda);
        assert_eq!(en(&copia), en(&video));
    }
    assert_eq!(limpia(Tipo::Mp4, &copia), copia);
}

#[test]
fn a_document_is_left_as_it_is() {
    assert_eq!(halla(Tipo::Pdf, b"%PDF-1.7 SECRETO"), Some(vec![]));
}

/// A file that was cut has no copy that could be vouched for.
#[test]
fn truncated() {
    for (tipo, todo) in [
        (Tipo::Jpeg, jpeg_con_exif(6)),
        (Tipo::Png, en(ImageFormat::Png)),
        (
            Tipo::Webp,
            include_bytes!("../../pruebas/animada.webp").to_vec(),
        ),
        (Tipo::Mp4, video()),
    ] {
        assert!(halla(tipo, &todo).is_some());
        for n in 0..todo.len() {
            let hallado = halla(tipo, &todo[..n]);
            // A video may end between two boxes.
            if tipo != Tipo::Mp4 {
                assert_eq!(hallado, None, "{tipo:?} de {n}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_change(cual in 0..4_usize, cambios in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8)) {
        let (tipo, mut bytes) = [
            (Tipo::Jpeg, jpeg_con_exif(6)),
            (Tipo::Png, en(ImageFormat::Png)),
            (Tipo::Webp, include_bytes!("../../pruebas/animada.webp").to_vec()),
            (Tipo::Mp4, video()),
        ][cual].clone();
        for (donde, que) in cambios {
            let n = bytes.len();
            bytes[donde % n] = que;
        }
        if let Some(hallados) = halla(tipo, &bytes) {
            let largo = u64::try_from(bytes.len()).unwrap();
            for r in &hallados {
                prop_assert!(r.desde <= r.hasta && r.hasta <= largo);
            }
            prop_assert!(hallados.is_sorted_by(|a, b| a.hasta <= b.desde));
        }
    }
}
