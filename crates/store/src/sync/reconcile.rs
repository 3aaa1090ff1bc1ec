//! The proof that nothing is missing: what a phone believes it sent against what is here.

use std::collections::{HashMap, HashSet};

use sigra_domain::{
    Rut,
    reporte::{Reporte, SyncStatus},
};

use crate::{
    ReadConn, StoreError,
    db::{Conn, json, with_conn},
    reportes::get::find_by_uuids,
};

/// What a phone holds of one report.
#[derive(Clone, Debug)]
pub struct HeldReporte {
    /// Lower case.
    pub uuid_cliente: String,
    pub sha256_contenido: String,
    pub version: Option<i64>,
}

/// How it compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonResult {
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
pub struct Comparison {
    pub igualdad: ComparisonResult,
    /// Absent for what is missing.
    pub id: Option<i64>,
    pub version: Option<i64>,
}

/// Reports of one statement.
const CHUNK: usize = 500;

/// Compares each with `autor`'s reports, in order. A report of somebody else is missing.
pub async fn reconcile(
    lectura: &mut ReadConn,
    autor: Rut,
    tenidos: &[HeldReporte],
) -> Result<Vec<Comparison>, StoreError> {
    let mut comparaciones = Vec::with_capacity(tenidos.len());
    // Named again, a report is not read again.
    let mut reportes: HashMap<String, (Reporte, bool)> = HashMap::new();
    for chunk in tenidos.chunks(CHUNK) {
        let uuids = chunk.iter().map(|t| t.uuid_cliente.as_str());
        let uuids: Vec<&str> = uuids.filter(|u| !reportes.contains_key(*u)).collect();
        let leidos = find_by_uuids(&mut lectura.conn(), &uuids).await?;
        let suyos = leidos.into_iter().map(|l| l.reporte);
        let suyos: Vec<Reporte> = suyos.filter(|r| r.rut == autor).collect();
        let intactos = intact_ids(&mut lectura.conn(), &suyos).await?;
        for r in suyos {
            let intacto = intactos.contains(&r.id);
            reportes.insert(r.uuid_cliente.clone(), (r, intacto));
        }
        for tenido in chunk {
            comparaciones.push(compare(tenido, reportes.get(&tenido.uuid_cliente)));
        }
    }
    Ok(comparaciones)
}

/// Which of these rows still hold what their hash is of: the proof is about the content, and somebody
/// may have changed it behind the server's back.
async fn intact_ids(conn: &mut Conn<'_>, reportes: &[Reporte]) -> Result<HashSet<i64>, StoreError> {
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
    let sql = conn.pick(
        "SELECT h.reporte_id FROM json_each($1) j JOIN huellas h
           ON h.reporte_id = json_extract(j.value, '$[0]')
           AND h.enviada = json_extract(j.value, '$[1]')
           AND h.guardada = json_extract(j.value, '$[2]')",
        "SELECT h.reporte_id FROM json_array_elements(CAST($1 AS JSON)) j JOIN huellas h
           ON h.reporte_id = CAST(j.value->>0 AS BIGINT)
           AND h.enviada = j.value->>1 AND h.guardada = j.value->>2",
    );
    let ids: Vec<i64> = with_conn!(*conn, c =>
        sqlx::query_scalar(sql).bind(json(&otros)?).fetch_all(&mut **c).await)?;
    intactos.extend(ids);
    Ok(intactos)
}

fn compare(tenido: &HeldReporte, aqui: Option<&(Reporte, bool)>) -> Comparison {
    let Some((r, intacto)) = aqui else {
        return Comparison {
            igualdad: ComparisonResult::Falta,
            id: None,
            version: None,
        };
    };
    let iguales = *intacto
        && tenido.sha256_contenido == r.sha256_contenido
        && tenido.version.is_none_or(|v| v == r.version);
    let igualdad = if r.retirado_en.is_some() {
        ComparisonResult::Retirado
    } else if !iguales {
        ComparisonResult::Distinto
    } else if r.sync_status == SyncStatus::MultimediaPendiente {
        ComparisonResult::MultimediaPendiente
    } else {
        ComparisonResult::Igual
    };
    Comparison {
        igualdad,
        id: Some(r.id),
        version: Some(r.version),
    }
}
