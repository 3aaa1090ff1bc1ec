//! MP4 and M4A: what describes the recording becomes free space of the same length, since tables
//! elsewhere in the file say where its samples are (ISO/IEC 14496-12, 8.1.2 and 8.10).

use std::io::{Read, Seek};

use super::{Recorte, Relleno};
use crate::cajas::{Caja, cajas};

/// Where places are told: user data (`©xyz`, `loci`), metadata, and XMP in a `uuid`.
const DESCRIPCIONES: [&[u8; 4]; 3] = [b"udta", b"meta", b"uuid"];
/// Boxes in which they are.
const CONTENEDORES: [&[u8; 4]; 3] = [b"moov", b"trak", b"moof"];
/// moov, trak: that deep are they.
const MAX_NIVELES: u8 = 4;

pub(super) fn recortes(
    f: &mut (impl Read + Seek),
    largo: u64,
) -> std::io::Result<Option<Vec<Recorte>>> {
    let mut hallados = Vec::new();
    let bien = nivel(f, 0, largo, MAX_NIVELES, &mut hallados)?;
    hallados.sort_by_key(|r| r.desde);
    Ok(bien.then_some(hallados))
}

/// False when the boxes are not well made.
fn nivel(
    f: &mut (impl Read + Seek),
    desde: u64,
    hasta: u64,
    quedan: u8,
    hallados: &mut Vec<Recorte>,
) -> std::io::Result<bool> {
    let Some(cajas) = cajas(f, desde, hasta)? else {
        return Ok(false);
    };
    for Caja {
        tipo,
        desde,
        datos,
        hasta,
    } in cajas
    {
        if DESCRIPCIONES.contains(&&tipo) {
            let libre = Relleno::Bytes(b"free".to_vec());
            hallados.push(Recorte::nuevo(desde + 4, desde + 8, libre));
            hallados.push(Recorte::nuevo(datos, hasta, Relleno::Ceros));
        } else if CONTENEDORES.contains(&&tipo) {
            let Some(quedan) = quedan.checked_sub(1) else {
                return Ok(false);
            };
            if !nivel(f, datos, hasta, quedan, hallados)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
