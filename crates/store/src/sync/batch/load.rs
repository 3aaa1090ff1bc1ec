//! What is read of reports before a batch about them is judged.

use std::collections::{HashMap, HashSet};

use sigra_domain::{
    bitacora::Entrada,
    reporte::{NewReporte, SyncStatus},
};
use sigra_store_macros::FromRow;

use super::reporte_state::{OpenConflicto, ReporteState};
use crate::{
    StoreError,
    db::{Conn, json, with_conn},
    reportes::change::AcceptedContent,
};

#[derive(FromRow)]
struct AcceptedRow {
    reporte_id: i64,
    sha256_contenido: String,
    version_base: i64,
    version: i64,
}

#[derive(FromRow)]
struct OpenConflictoRow {
    id: i64,
    reporte_id: i64,
    sha256_contenido: String,
    version_base: i64,
    base: Option<String>,
}

/// Adds to each report what was accepted of these items, what waits for a decision, and the past as
/// far back as an item's `version_base`.
pub(super) async fn load(
    conn: &mut Conn<'_>,
    states: &mut HashMap<i64, ReporteState>,
    items: &[(i64, &NewReporte)],
) -> Result<(), StoreError> {
    let pares: HashSet<(i64, String)> = items
        .iter()
        .map(|(id, e)| (*id, AcceptedContent::from_sent(e).sha256_contenido))
        .collect();
    if pares.is_empty() {
        return Ok(());
    }
    let sql = conn.pick(
        "SELECT a.reporte_id, a.sha256_contenido, a.version_base, a.version
         FROM json_each($1) j JOIN aceptados a
           ON a.reporte_id = json_extract(j.value, '$[0]')
           AND a.sha256_contenido = json_extract(j.value, '$[1]')",
        "SELECT a.reporte_id, a.sha256_contenido, a.version_base, a.version
         FROM json_array_elements(CAST($1 AS JSON)) j JOIN aceptados a
           ON a.reporte_id = CAST(j.value->>0 AS BIGINT) AND a.sha256_contenido = j.value->>1",
    );
    let aceptados: Vec<AcceptedRow> = with_conn!(*conn, c =>
        sqlx::query_as(sql).bind(json(&pares)?).fetch_all(&mut **c).await)?;
    for a in aceptados {
        if let Some(state) = states.get_mut(&a.reporte_id) {
            let clave = AcceptedContent {
                sha256_contenido: a.sha256_contenido,
                version_base: a.version_base,
            };
            state.aceptados.insert(clave, a.version);
        }
    }
    load_open_conflictos(conn, states).await?;
    load_history(conn, states, items).await
}

async fn load_open_conflictos(
    conn: &mut Conn<'_>,
    states: &mut HashMap<i64, ReporteState>,
) -> Result<(), StoreError> {
    let con_conflicto: Vec<i64> = states
        .iter()
        .filter(|(_, e)| e.leido.reporte.sync_status == SyncStatus::Conflicto)
        .map(|(id, _)| *id)
        .collect();
    if con_conflicto.is_empty() {
        return Ok(());
    }
    let sql = conn.pick(
        "SELECT id, reporte_id, sha256_contenido, version_base, base FROM conflictos
         WHERE resuelto IS NULL AND reporte_id IN (SELECT value FROM json_each($1))",
        "SELECT id, reporte_id, sha256_contenido, version_base, base FROM conflictos
         WHERE resuelto IS NULL AND reporte_id IN
            (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))",
    );
    let rows: Vec<OpenConflictoRow> = with_conn!(*conn, c =>
        sqlx::query_as(sql).bind(json(&con_conflicto)?).fetch_all(&mut **c).await)?;
    for a in rows {
        let base = a.base.as_deref().map(serde_json::from_str).transpose();
        let base = base.map_err(|_| StoreError::Dato(format!("conflicto {}", a.id)))?;
        if let Some(state) = states.get_mut(&a.reporte_id) {
            let clave = AcceptedContent {
                sha256_contenido: a.sha256_contenido,
                version_base: a.version_base,
            };
            let id = Some(a.id);
            state.abiertos.insert(clave, OpenConflicto { id, base });
        }
    }
    Ok(())
}

/// Versions back to which the values of a report are known to a batch. An edit of an older one is as one
/// that names no version: what it changed can't be told.
const MAX_VERSIONS_BACK: i64 = 200;
/// Entries that a batch reads in all.
const MAX_ENTRADAS: i64 = 5_000;

/// Only what came after the oldest `version_base` that an item names: most name the last version.
async fn load_history(
    conn: &mut Conn<'_>,
    states: &mut HashMap<i64, ReporteState>,
    items: &[(i64, &NewReporte)],
) -> Result<(), StoreError> {
    let mut desde: HashMap<i64, i64> = HashMap::new();
    for (id, enviado) in items {
        let version = states.get(id).map_or(0, |e| e.leido.reporte.version);
        let leible = version.saturating_sub(MAX_VERSIONS_BACK).max(1)..version;
        if let Some(base) = enviado.version_base.filter(|b| leible.contains(b)) {
            let desde = desde.entry(*id).or_insert(base);
            *desde = base.min(*desde);
        }
    }
    if desde.is_empty() {
        return Ok(());
    }
    let mut pares: Vec<(i64, i64)> = desde.into_iter().collect();
    // The reports that ask for least first, as long as there is room.
    let cuantas = |(id, base): &(i64, i64)| states[id].leido.reporte.version - base;
    pares.sort_by_key(cuantas);
    let mut entradas = 0;
    pares.retain(|p| {
        entradas += cuantas(p);
        entradas <= MAX_ENTRADAS
    });
    // A version is the number of entries that led to it.
    let sql = conn.pick(
        "SELECT b.reporte_id, b.canonica FROM json_each($1) j JOIN bitacora b
           ON b.reporte_id = json_extract(j.value, '$[0]') AND b.n > json_extract(j.value, '$[1]')
         ORDER BY b.reporte_id, b.n",
        "SELECT b.reporte_id, b.canonica FROM json_array_elements(CAST($1 AS JSON)) j JOIN bitacora b
           ON b.reporte_id = CAST(j.value->>0 AS BIGINT) AND b.n > CAST(j.value->>1 AS BIGINT)
         ORDER BY b.reporte_id, b.n",
    );
    let rows: Vec<(i64, String)> = with_conn!(*conn, c =>
        sqlx::query_as(sql).bind(json(&pares)?).fetch_all(&mut **c).await)?;
    for (id, canonica) in rows {
        let entrada: Entrada = serde_json::from_str(&canonica)
            .map_err(|_| StoreError::Dato(format!("bitácora del reporte {id}")))?;
        if let Some(state) = states.get_mut(&id) {
            state.historia.push((entrada.version, entrada.antes));
        }
    }
    Ok(())
}
