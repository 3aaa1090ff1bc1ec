//! The proof that nothing is missing: what a phone believes it sent against what is here.

use std::collections::HashMap;

use sigra_domain::{
    Rut,
    bitacora::valores_en,
    reporte::{Reporte, SyncStatus},
};

use crate::{Fallo, Lectura, bitacora::entradas_de, reportes::leer::de_uuids};

/// What a phone holds of one report.
#[derive(Clone, Debug)]
pub struct Tenido {
    /// Lower case.
    pub uuid_cliente: String,
    pub sha256_contenido: String,
    pub version: Option<i64>,
}

/// How it compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Igualdad {
    Igual,
    /// The server has no such report of this person.
    Falta,
    /// The content, or the version, is another one.
    Distinto,
    /// Equal, and files are still to come.
    MultimediaPendiente,
    Retirado,
}

#[derive(Clone, Debug)]
pub struct Comparacion {
    pub igualdad: Igualdad,
    /// Absent for what is missing.
    pub id: Option<i64>,
    pub version: Option<i64>,
}

/// Reports of one statement.
const TANDA: usize = 500;

/// Compares each with `autor`'s reports, in order. A report of somebody else is missing.
pub async fn reconcilia(
    lectura: &mut Lectura,
    autor: Rut,
    tenidos: &[Tenido],
) -> Result<Vec<Comparacion>, Fallo> {
    let mut comparaciones = Vec::with_capacity(tenidos.len());
    // Named again, a report is not read again.
    let mut reportes: HashMap<String, (Reporte, bool)> = HashMap::new();
    for tanda in tenidos.chunks(TANDA) {
        let uuids = tanda.iter().map(|t| t.uuid_cliente.as_str());
        let uuids: Vec<&str> = uuids.filter(|u| !reportes.contains_key(*u)).collect();
        let leidos = de_uuids(&mut lectura.conn(), &uuids).await?;
        let suyos = leidos.into_iter().map(|l| l.reporte);
        for r in suyos.filter(|r| r.rut == autor) {
            let guardado = intacto(lectura, &r).await?;
            reportes.insert(r.uuid_cliente.clone(), (r, guardado));
        }
        for tenido in tanda {
            comparaciones.push(compara(tenido, reportes.get(&tenido.uuid_cliente)));
        }
    }
    Ok(comparaciones)
}

/// Whether the row still holds what its hash is of: the proof is about the content, and somebody may
/// have changed it behind the server's back.
async fn intacto(lectura: &mut Lectura, r: &Reporte) -> Result<bool, Fallo> {
    if r.contenido.sha256() == r.sha256_contenido {
        return Ok(true);
    }
    // A phone that sent its manifest's uuids in upper case hashed them so: the bitácora knows.
    let entradas = entradas_de(&mut lectura.conn(), r.id).await?;
    let fila = r.contenido.valores();
    let dichos = valores_en(&entradas, r.version).unwrap_or_default();
    Ok(fila.iter().all(|(campo, v)| dichos.get(campo) == Some(v)))
}

fn compara(tenido: &Tenido, aqui: Option<&(Reporte, bool)>) -> Comparacion {
    let Some((r, intacto)) = aqui else {
        return Comparacion {
            igualdad: Igualdad::Falta,
            id: None,
            version: None,
        };
    };
    let iguales = *intacto
        && tenido.sha256_contenido == r.sha256_contenido
        && tenido.version.is_none_or(|v| v == r.version);
    let igualdad = if r.retirado_en.is_some() {
        Igualdad::Retirado
    } else if !iguales {
        Igualdad::Distinto
    } else if r.sync_status == SyncStatus::MultimediaPendiente {
        Igualdad::MultimediaPendiente
    } else {
        Igualdad::Igual
    };
    Comparacion {
        igualdad,
        id: Some(r.id),
        version: Some(r.version),
    }
}
