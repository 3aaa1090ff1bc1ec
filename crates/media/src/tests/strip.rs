use std::io::Cursor;

use image::ImageFormat;
use proptest::prelude::*;

use super::{SECRET, contains, encoded, exif, jpeg_with_exif, with_segment};
use crate::{Cut, MediaType, Segment, StrippedCopy, cuts};

fn find_cuts(tipo: MediaType, bytes: &[u8]) -> Option<Vec<Cut>> {
    let len = u64::try_from(bytes.len()).unwrap();
    cuts(tipo, &mut Cursor::new(bytes), len).unwrap()
}

/// The copy as it is sent.
fn strip(tipo: MediaType, bytes: &[u8]) -> Vec<u8> {
    let hallados = find_cuts(tipo, bytes).expect("el archivo está bien hecho");
    let copy = StrippedCopy::new(u64::try_from(bytes.len()).unwrap(), &hallados);
    let mut all = Vec::new();
    for t in copy.segments(0..copy.size()) {
        match t {
            Segment::Original(r) => {
                let [a, b] = [r.start, r.end].map(|n| usize::try_from(n).unwrap());
                all.extend_from_slice(&bytes[a..b]);
            }
            Segment::Bytes(b) => all.extend_from_slice(&b),
            Segment::Ceros(n) => all.resize(all.len() + usize::try_from(n).unwrap(), 0),
        }
    }
    all
}

fn assert_same_pixels(a: &[u8], b: &[u8]) {
    let [a, b] = [a, b].map(|bytes| image::load_from_memory(bytes).unwrap().into_rgba8());
    assert!(a == b);
}

#[test]
fn jpeg() {
    for orientacion in 1..=8 {
        let mut foto = jpeg_with_exif(orientacion);
        foto = with_segment(&foto, 0xe1, b"http://ns.adobe.com/xap/1.0/\0<x SECRETO/>");
        foto = with_segment(&foto, 0xed, b"Photoshop 3.0\0SECRETO");
        foto = with_segment(&foto, 0xfe, SECRET);
        let solo = foto.clone();
        // A second picture behind the first, as phones with two lenses make.
        foto.extend_from_slice(&jpeg_with_exif(3));
        let copy = strip(MediaType::Jpeg, &foto);
        assert!(!contains(&copy, SECRET), "{orientacion}");
        assert_eq!(contains(&copy, b"Exif"), orientacion > 1);
        assert_same_pixels(&copy, &solo);
        // The way up is still told.
        let [a, b] =
            [&solo, &copy].map(|f| crate::make_previews(MediaType::Jpeg, f.clone()).unwrap());
        assert!(a == b, "{orientacion}");
        // What is clean is its own copy.
        assert_eq!(strip(MediaType::Jpeg, &copy), copy);
    }
    let simple = encoded(ImageFormat::Jpeg);
    assert_eq!(strip(MediaType::Jpeg, &simple), simple);
    let progresiva = include_bytes!("../../samples/progresiva.jpg");
    assert_eq!(strip(MediaType::Jpeg, progresiva), progresiva);
}

/// Adobe's segment tells how the colours are meant.
#[test]
fn cmyk_keeps_its_colours() {
    let cmyk = include_bytes!("../../samples/cmyk.jpg");
    assert_eq!(strip(MediaType::Jpeg, cmyk), cmyk);
}

#[test]
fn png() {
    let mut foto = encoded(ImageFormat::Png);
    let fin = foto.len() - 12;
    for (nombre, data) in [(b"eXIf", exif(1)), (b"tEXt", b"Comment\0SECRETO".to_vec())] {
        let mut chunk = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
        chunk.extend_from_slice(nombre);
        chunk.extend_from_slice(&data);
        // Nobody checks the sum of what is left out.
        chunk.extend_from_slice(&[0; 4]);
        foto.splice(fin..fin, chunk);
    }
    foto.extend_from_slice(SECRET);
    let copy = strip(MediaType::Png, &foto);
    assert_eq!(copy, encoded(ImageFormat::Png));
    let animada = include_bytes!("../../samples/animada.png");
    assert_eq!(strip(MediaType::Png, animada), animada);
}

#[test]
fn webp() {
    let animada = include_bytes!("../../samples/animada.webp");
    assert_eq!(&animada[12..16], b"VP8X");
    assert_eq!(strip(MediaType::Webp, animada), animada);
    let mut foto = animada.to_vec();
    foto[20] |= 0b1100;
    let mut data = exif(1);
    data.push(0);
    for nombre in [b"EXIF", b"XMP "] {
        foto.extend_from_slice(nombre);
        foto.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
        foto.extend_from_slice(&data);
        if data.len() % 2 == 1 {
            foto.push(0);
        }
    }
    let len = u32::try_from(foto.len() - 8).unwrap().to_le_bytes();
    foto[4..8].copy_from_slice(&len);
    foto.extend_from_slice(SECRET);
    assert_eq!(strip(MediaType::Webp, &foto), animada);
}

fn mp4_box(tipo: [u8; 4], contenido: &[u8]) -> Vec<u8> {
    let mut c = u32::try_from(contenido.len() + 8)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    c.extend_from_slice(&tipo);
    c.extend_from_slice(contenido);
    c
}

fn video() -> Vec<u8> {
    let lugar = mp4_box(*b"udta", &mp4_box(*b"\xa9xyz", b"\0\x07\x15\xc7SECRETO"));
    let pista = [
        mp4_box(*b"tkhd", &[1; 20]),
        mp4_box(*b"udta", &mp4_box(*b"loci", SECRET)),
    ]
    .concat();
    let moov = [
        mp4_box(*b"mvhd", &[2; 30]),
        lugar,
        mp4_box(*b"trak", &pista),
        mp4_box(*b"meta", SECRET),
    ]
    .concat();
    let len = 16 + 40_u64;
    let mut mdat = vec![0, 0, 0, 1];
    mdat.extend_from_slice(b"mdat");
    mdat.extend_from_slice(&len.to_be_bytes());
    mdat.extend_from_slice(&[7; 40]);
    [
        mp4_box(*b"ftyp", b"isom\0\0\x02\0isomiso2"),
        mdat,
        mp4_box(*b"moov", &moov),
        mp4_box(*b"uuid", SECRET),
    ]
    .concat()
}

#[test]
fn mp4() {
    let video = video();
    let copy = strip(MediaType::Mp4, &video);
    assert!(contains(&video, SECRET) && !contains(&copy, SECRET));
    assert_eq!(
        copy.len(),
        video.len(),
        "las tablas dicen dónde está cada cosa"
    );
    for se_queda in [&[7; 40][..], &[2; 30], &[1; 20], b"mvhd", b"tkhd"] {
        let en = |f: &[u8]| f.windows(se_queda.len()).position(|v| v == se_queda);
        assert_eq!(en(&copy), en(&video));
    }
    assert_eq!(strip(MediaType::Mp4, &copy), copy);
}

#[test]
fn a_document_is_left_as_it_is() {
    assert_eq!(find_cuts(MediaType::Pdf, b"%PDF-1.7 SECRETO"), Some(vec![]));
}

/// A file that was cut has no copy that could be vouched for.
#[test]
fn truncated() {
    for (tipo, all) in [
        (MediaType::Jpeg, jpeg_with_exif(6)),
        (MediaType::Png, encoded(ImageFormat::Png)),
        (
            MediaType::Webp,
            include_bytes!("../../samples/animada.webp").to_vec(),
        ),
        (MediaType::Mp4, video()),
    ] {
        assert!(find_cuts(tipo, &all).is_some());
        for n in 0..all.len() {
            let hallado = find_cuts(tipo, &all[..n]);
            // A video may end between two boxes.
            if tipo != MediaType::Mp4 {
                assert_eq!(hallado, None, "{tipo:?} de {n}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_change(cual in 0..4_usize, cambios in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8)) {
        let (tipo, mut bytes) = [
            (MediaType::Jpeg, jpeg_with_exif(6)),
            (MediaType::Png, encoded(ImageFormat::Png)),
            (MediaType::Webp, include_bytes!("../../samples/animada.webp").to_vec()),
            (MediaType::Mp4, video()),
        ][cual].clone();
        for (donde, que) in cambios {
            let n = bytes.len();
            bytes[donde % n] = que;
        }
        if let Some(hallados) = find_cuts(tipo, &bytes) {
            let len = u64::try_from(bytes.len()).unwrap();
            for r in &hallados {
                prop_assert!(r.desde <= r.hasta && r.hasta <= len);
            }
            prop_assert!(hallados.is_sorted_by(|a, b| a.hasta <= b.desde));
        }
    }
}
