//! The boxes of which MP4 and M4A files are made (ISO/IEC 14496-12, 4.2).

use std::io::{Read, Seek, SeekFrom};

/// Where a box is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mp4Box {
    pub(crate) tipo: [u8; 4],
    pub(crate) desde: u64,
    /// Where its content begins.
    pub(crate) datos: u64,
    pub(crate) hasta: u64,
}

/// Of one level; more is no recording but an attack.
const MAX_BOXES: usize = 10_000;

/// The boxes between two places; `None` when they don't fit there.
pub(crate) fn read_boxes(
    f: &mut (impl Read + Seek),
    mut desde: u64,
    hasta: u64,
) -> std::io::Result<Option<Vec<Mp4Box>>> {
    let mut todas = Vec::new();
    while desde < hasta {
        let Some(caja) = read_box(f, desde, hasta)?.filter(|_| todas.len() < MAX_BOXES) else {
            return Ok(None);
        };
        desde = caja.hasta;
        todas.push(caja);
    }
    Ok(Some(todas))
}

fn read_box(f: &mut (impl Read + Seek), desde: u64, fin: u64) -> std::io::Result<Option<Mp4Box>> {
    if fin - desde < 8 {
        return Ok(None);
    }
    f.seek(SeekFrom::Start(desde))?;
    let mut cabecera = [0; 8];
    f.read_exact(&mut cabecera)?;
    let [l0, l1, l2, l3, t0, t1, t2, t3] = cabecera;
    let (largo, datos) = match u32::from_be_bytes([l0, l1, l2, l3]) {
        // Up to the end of the file.
        0 => (fin - desde, 8),
        1 if fin - desde >= 16 => {
            let mut largo = [0; 8];
            f.read_exact(&mut largo)?;
            (u64::from_be_bytes(largo), 16)
        }
        n => (u64::from(n), 8),
    };
    Ok((largo >= datos && largo <= fin - desde).then_some(Mp4Box {
        tipo: [t0, t1, t2, t3],
        desde,
        datos: desde + datos,
        hasta: desde + largo,
    }))
}
