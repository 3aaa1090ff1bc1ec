//! PNG and WebP: chunks with a name and a length.

use std::io::{Read, Seek, SeekFrom};

use super::{Cut, Filler};

/// Of one file; a picture of a hundred megapixels has some tens of thousands.
const MAX_CHUNKS: usize = 200_000;

/// W3C PNG, 5.3. The ancillary chunks that change what is seen stay.
pub(super) fn png(f: &mut (impl Read + Seek), len: u64) -> std::io::Result<Option<Vec<Cut>>> {
    const KEPT_CHUNKS: [&[u8; 4]; 13] = [
        b"cHRM", b"cICP", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"bKGD", b"hIST", b"tRNS", b"pHYs",
        b"acTL", b"fcTL", b"fdAT",
    ];
    let mut found = Vec::new();
    let mut en = 8;
    for _ in 0..MAX_CHUNKS {
        f.seek(SeekFrom::Start(en))?;
        let mut c = [0; 8];
        f.read_exact(&mut c)?;
        let [l0, l1, l2, l3, nombre @ ..] = c;
        let hasta = en + 12 + u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
        if hasta > len {
            return Ok(None);
        }
        // A capital first letter: critical (5.4).
        if !nombre[0].is_ascii_uppercase() && !KEPT_CHUNKS.contains(&&nombre) {
            found.push(Cut::new(en, hasta, Filler::Nada));
        }
        en = hasta;
        if &nombre == b"IEND" {
            if en < len {
                found.push(Cut::new(en, len, Filler::Nada));
            }
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// RFC 9649, 2.3 and 2.7.
pub(super) fn webp(f: &mut (impl Read + Seek), len: u64) -> std::io::Result<Option<Vec<Cut>>> {
    const KEPT_CHUNKS: [&[u8; 4]; 7] = [
        b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP",
    ];
    let mut c = [0; 8];
    f.seek(SeekFrom::Start(4))?;
    f.read_exact(&mut c[..4])?;
    let dicho = u64::from(u32::from_le_bytes([c[0], c[1], c[2], c[3]])) + 8;
    if dicho > len {
        return Ok(None);
    }
    let (mut found, mut flags) = (Vec::new(), None);
    let (mut en, mut menos) = (12, 0);
    for _ in 0..MAX_CHUNKS {
        if en >= dicho {
            break;
        }
        f.seek(SeekFrom::Start(en))?;
        f.read_exact(&mut c)?;
        let [nombre @ .., l0, l1, l2, l3] = c;
        let data = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        let hasta = en + 8 + data + data % 2;
        if hasta > dicho {
            return Ok(None);
        }
        if &nombre == b"VP8X" && data > 0 {
            let mut b = [0];
            f.read_exact(&mut b)?;
            flags = Some((en + 8, b[0]));
        }
        if !KEPT_CHUNKS.contains(&&nombre) {
            found.push(Cut::new(en, hasta, Filler::Nada));
            menos += hasta - en;
        }
        en = hasta;
    }
    if en != dicho {
        return Ok(None);
    }
    if dicho < len {
        found.push(Cut::new(dicho, len, Filler::Nada));
    }
    if menos > 0 {
        // The length, and which chunks there are, must stay true.
        let nuevo = u32::try_from(dicho - 8 - menos).unwrap_or(0).to_le_bytes();
        let mut al_inicio = vec![Cut::new(4, 8, Filler::Bytes(nuevo.to_vec()))];
        if let Some((en, b)) = flags {
            const EXIF_AND_XMP: u8 = 0b1100;
            let sin = Filler::Bytes(vec![b & !EXIF_AND_XMP]);
            al_inicio.push(Cut::new(en, en + 1, sin));
        }
        found.splice(0..0, al_inicio);
    }
    found.sort_by_key(|r| r.desde);
    Ok(Some(found))
}
