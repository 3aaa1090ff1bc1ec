//! JPEG (ITU-T T.81, annex B): what cameras add to the picture goes, but for its colours and the way
//! up. What follows the picture's end (a second picture, a short film) goes as well.

use std::io::{BufRead, Read, Seek, SeekFrom};

use image::metadata::Orientation;

use super::{Cut, Filler};

const EXIF: &[u8] = b"Exif\0\0";
const ICC_PROFILE: &[u8] = b"ICC_PROFILE\0";

pub(super) fn cuts(f: &mut (impl BufRead + Seek), len: u64) -> std::io::Result<Option<Vec<Cut>>> {
    let mut found = Vec::new();
    let mut orientacion = Orientation::NoTransforms;
    f.seek(SeekFrom::Start(2))?;
    let mut en = 2;
    loop {
        let Some((desde, marker, mut pos)) = read_marker(f, en)? else {
            return Ok(None);
        };
        match marker {
            // RSTn, SOI, TEM: nothing but themselves.
            0x01 | 0xd0..=0xd8 => {}
            0x00 => return Ok(None),
            0xd9 => {
                found.push(Cut::new(pos, len, Filler::Nada));
                break;
            }
            _ => {
                let mut n = [0; 2];
                f.read_exact(&mut n)?;
                let n = u64::from(u16::from_be_bytes(n));
                let Some(data) = n.checked_sub(2) else {
                    return Ok(None);
                };
                let sigue = pos + n;
                if matches!(marker, 0xe0..=0xef | 0xfe) {
                    let mut contenido = vec![0; usize::try_from(data).unwrap_or(0)];
                    f.read_exact(&mut contenido)?;
                    if let (0xe1, Some(tiff)) = (marker, contenido.strip_prefix(EXIF)) {
                        orientacion = Orientation::from_exif_chunk(tiff).unwrap_or(orientacion);
                    }
                    if !is_kept(marker, &contenido) {
                        found.push(Cut::new(desde, sigue, Filler::Nada));
                    }
                } else {
                    f.seek_relative(i64::try_from(data).unwrap_or(0))?;
                }
                pos = sigue;
                if marker == 0xda {
                    pos = skip_entropy_data(f, pos)?;
                }
            }
        }
        en = pos;
    }
    if orientacion != Orientation::NoTransforms {
        let derecha = Filler::Bytes(exif_with(orientacion));
        found.insert(0, Cut::new(2, 2, derecha));
    }
    found.retain(|r| r.desde < r.hasta || r.relleno != Filler::Nada);
    Ok(Some(found))
}

/// JFIF, the colour profile and Adobe's colour transform are part of the picture.
fn is_kept(marker: u8, contenido: &[u8]) -> bool {
    match marker {
        0xe0 => contenido.starts_with(b"JFIF\0"),
        0xe2 => contenido.starts_with(ICC_PROFILE),
        0xee => contenido.starts_with(b"Adobe"),
        _ => false,
    }
}

/// The marker that must stand at `en`: where it begins, which it is, and what follows it.
fn read_marker(f: &mut impl Read, en: u64) -> std::io::Result<Option<(u64, u8, u64)>> {
    let mut byte = [0];
    f.read_exact(&mut byte)?;
    if byte != [0xff] {
        return Ok(None);
    }
    let mut pos = en + 1;
    while byte == [0xff] {
        f.read_exact(&mut byte)?;
        pos += 1;
    }
    Ok(Some((en, byte[0], pos)))
}

/// Passes by entropy-coded bytes: in them 0xff is followed by zero or a restart. Stops before the
/// next marker.
fn skip_entropy_data(f: &mut (impl BufRead + Seek), mut pos: u64) -> std::io::Result<u64> {
    let mut tras_ff = false;
    loop {
        let vistos = f.fill_buf()?;
        if vistos.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let end = vistos.iter().position(|b| {
            let marker = tras_ff && !matches!(b, 0x00 | 0xd0..=0xd7 | 0xff);
            tras_ff = *b == 0xff;
            marker
        });
        let n = end.unwrap_or(vistos.len());
        f.consume(n);
        pos += u64::try_from(n).unwrap_or(0);
        if end.is_some() {
            f.seek_relative(-1)?;
            return Ok(pos - 1);
        }
    }
}

/// An APP1 that says nothing but the way up (TIFF 6.0, section 2; Exif 3.0, 4.6.4).
fn exif_with(orientacion: Orientation) -> Vec<u8> {
    let mut app1 = vec![0xff, 0xe1, 0, 34];
    app1.extend_from_slice(EXIF);
    app1.extend_from_slice(b"MM\0\x2a\0\0\0\x08");
    // One entry: tag 0x0112, SHORT, one of them.
    app1.extend_from_slice(&[
        0,
        1,
        0x01,
        0x12,
        0,
        3,
        0,
        0,
        0,
        1,
        0,
        orientacion.to_exif(),
        0,
        0,
    ]);
    app1.extend_from_slice(&[0; 4]);
    app1
}
