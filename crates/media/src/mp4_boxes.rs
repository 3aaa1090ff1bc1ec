//! The boxes of which MP4 and M4A files are made (ISO/IEC 14496-12, 4.2).

use std::io::{Read, Seek, SeekFrom};

/// Where a box is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mp4Box {
    pub(crate) tipo: [u8; 4],
    pub(crate) desde: u64,
    /// Where its content begins.
    pub(crate) data: u64,
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
        let Some(mp4_box) = read_box(f, desde, hasta)?.filter(|_| todas.len() < MAX_BOXES) else {
            return Ok(None);
        };
        desde = mp4_box.hasta;
        todas.push(mp4_box);
    }
    Ok(Some(todas))
}

fn read_box(f: &mut (impl Read + Seek), desde: u64, end: u64) -> std::io::Result<Option<Mp4Box>> {
    if end - desde < 8 {
        return Ok(None);
    }
    f.seek(SeekFrom::Start(desde))?;
    let mut header = [0; 8];
    f.read_exact(&mut header)?;
    let [l0, l1, l2, l3, t0, t1, t2, t3] = header;
    let (len, data) = match u32::from_be_bytes([l0, l1, l2, l3]) {
        // Up to the end of the file.
        0 => (end - desde, 8),
        1 if end - desde >= 16 => {
            let mut len = [0; 8];
            f.read_exact(&mut len)?;
            (u64::from_be_bytes(len), 16)
        }
        n => (u64::from(n), 8),
    };
    Ok((len >= data && len <= end - desde).then_some(Mp4Box {
        tipo: [t0, t1, t2, t3],
        desde,
        data: desde + data,
        hasta: desde + len,
    }))
}
