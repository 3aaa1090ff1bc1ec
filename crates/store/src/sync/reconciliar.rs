//! The proof that nothing is missing: what a phone believes it sent against what is here.

use std::collections::{HashMap, HashSet};

use sigra_domain::{
    Rut,
    reporte::{Reporte, SyncStatus},
};

use crate::{
    Fallo, Lectura,
    db::{Conn, con, json},
    reportes::leer::de_uuids,
};

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
        let suyos: Vec<Reporte> = suyos.filter(|r| r.rut == autor).collect();
        let intactos = intactos(&mut lectura.conn(), &suyos).await?;
        for r in suyos {
            let intacto = intactos.contains(&r.id);
            reportes.insert(r.uuid_cliente.clone(), (r, intacto));
        }
        for tenido in tanda {
            comparaciones.push(compara(tenido, reportes.get(&tenido.uuid_cliente)));
        }
    }
    Ok(comparaciones)
}

/// Which of these rows still hold what their hash is of: the proof is about the content, and somebody
/// may have changed it behind the server's back.
async fn intactos(conn: &mut Conn<'_>, reportes: &[Reporte]) -> Result<HashSet<i64>, Fallo> {
    let (iguales, otros): (Vec<_>, Vec<_>) = reportes
        .iter()
        .map(|r| (r, r.contenido.sha256()))
        .partition(|(r, guardada)| *guardada == r.sha256_contenido);
    let mut intactos: HashSet<i64> = iguales.iter().map(|(r, _)| r.id).collect();
    if otros.is_empty() {
        return Ok(intactos);
    }
    // A phone that sent its manifest's uuids in upper case hashed them so.
    let otros: Vec<_> = otros
        .iter()
        .map(|(r, guardada)| (r.id, &r.sha256_contenido, guardada))
        .collect();
    let sql = conn.elige(
        "SELECT h.reporte_id FROM json_each($1) j JOIN huellas h
           ON h.reporte_id = json_extract(j.value, '$[0]')
           AND h.enviada = json_extract(j.value, '$[1]')
           AND h.guardada = json_extract(j.value, '$[2]')",
        "SELECT h.reporte_id FROM json_array_elements(CAST($1 AS JSON)) j JOIN huellas h
           ON h.reporte_id = CAST(j.value->>0 AS BIGINT)
           AND h.enviada = j.value->>1 AND h.guardada = j.value->>2",
    );
    let ids: Vec<i64> = con!(*conn, c =>
        sqlx::query_scalar(sql).bind(json(&otros)?).fetch_all(&mut **c).await)?;
    intactos.extend(ids);
    Ok(intactos)
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
