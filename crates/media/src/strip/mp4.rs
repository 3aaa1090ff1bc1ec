//! MP4 and M4A: what describes the recording becomes free space of the same length, since tables
//! elsewhere in the file say where its samples are (ISO/IEC 14496-12, 8.1.2 and 8.10).

use std::io::{Read, Seek};

use super::{Cut, Filler};
use crate::mp4_boxes::{Mp4Box, read_boxes};

/// Where places are told: user data (`©xyz`, `loci`), metadata, and XMP in a `uuid`.
const METADATA_BOXES: [&[u8; 4]; 3] = [b"udta", b"meta", b"uuid"];
/// Boxes in which they are.
const CONTAINERS: [&[u8; 4]; 3] = [b"moov", b"trak", b"moof"];
/// moov, trak: that deep are they.
const MAX_DEPTH: u8 = 4;

pub(super) fn cuts(f: &mut (impl Read + Seek), len: u64) -> std::io::Result<Option<Vec<Cut>>> {
    let mut found = Vec::new();
    let bien = scan_level(f, 0, len, MAX_DEPTH, &mut found)?;
    found.sort_by_key(|r| r.desde);
    Ok(bien.then_some(found))
}

/// False when the boxes are not well made.
fn scan_level(
    f: &mut (impl Read + Seek),
    desde: u64,
    hasta: u64,
    quedan: u8,
    found: &mut Vec<Cut>,
) -> std::io::Result<bool> {
    let Some(cajas) = read_boxes(f, desde, hasta)? else {
        return Ok(false);
    };
    for Mp4Box {
        tipo,
        desde,
        data,
        hasta,
    } in cajas
    {
        if METADATA_BOXES.contains(&&tipo) {
            let libre = Filler::Bytes(b"free".to_vec());
            found.push(Cut::new(desde + 4, desde + 8, libre));
            found.push(Cut::new(data, hasta, Filler::Ceros));
        } else if CONTAINERS.contains(&&tipo) {
            let Some(quedan) = quedan.checked_sub(1) else {
                return Ok(false);
            };
            if !scan_level(f, data, hasta, quedan, found)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
