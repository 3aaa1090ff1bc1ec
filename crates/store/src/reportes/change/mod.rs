//! Reports, many at once, with all that each change of one leaves behind: on SQLite one statement
//! per table and handful of reports, on PostgreSQL one statement for all tables and reports.

mod postgres;
mod sqlite;

use std::collections::HashMap;

use sigra_domain::{
    counters::{Countable, Counts},
    reporte::{Archivo, NewReporte, Reporte},
    search,
};

use super::entry::ChangeRecord;
use crate::{
    StoreError, Tx, counters,
    db::{Conn, json, with_conn},
};

/// A report as a change leaves it, ready to be written.
#[derive(Debug)]
pub(crate) struct ReporteWrite {
    pub(crate) reporte: Reporte,
    pub(crate) registro: ChangeRecord,
    /// The texts, folded for searching.
    busqueda: String,
    /// What a phone sent and is herewith accepted.
    pub(crate) aceptado: Option<AcceptedContent>,
    /// The server's clock less the phone's; `None` leaves what is there.
    pub(crate) desfase_reloj_ms: Option<i64>,
    /// For the change feed.
    epoch: i64,
    /// What the report counted for before; `None` when it is new.
    antes: Option<Countable>,
}

/// As the row keeps them. What could not be written would not be read either, rather than be lost in silence.
fn acciones_json(r: &Reporte) -> Option<String> {
    let hay = !r.acciones.is_empty();
    hay.then(|| serde_json::to_string(&r.acciones).unwrap_or_default())
}

/// A content with the version the phone worked from (0 when it named none), so that it is known when
/// it is sent again.
///
/// An edit that leaves `ubicacion` out and one that clears it have the same hash and are not the same:
/// the first has a mark after its hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AcceptedContent {
    /// Of the content, with the mark.
    pub(crate) sha256_contenido: String,
    pub(crate) version_base: i64,
}

/// After the hash of an edit that leaves `ubicacion` as it is.
pub(crate) const UBICACION_UNCHANGED: &str = "~";

impl AcceptedContent {
    /// The content's hash.
    pub(crate) fn sha256(&self) -> &str {
        let sha256 = &self.sha256_contenido;
        sha256.strip_suffix(UBICACION_UNCHANGED).unwrap_or(sha256)
    }

    pub(crate) fn from_sent(enviado: &NewReporte) -> Self {
        let mut sha256_contenido = enviado.sha256_contenido.clone();
        // 0 is as none.
        let es_edicion = enviado.version_base.is_some_and(|v| v > 0);
        if enviado.sin_ubicacion && es_edicion {
            sha256_contenido.push_str(UBICACION_UNCHANGED);
        }
        Self {
            sha256_contenido,
            version_base: enviado.version_base.unwrap_or(0),
        }
    }
}

impl ReporteWrite {
    /// `viejo`: the report before; `None` when it is new.
    pub(crate) fn new(
        viejo: Option<&Reporte>,
        reporte: Reporte,
        registro: ChangeRecord,
        epoch: i64,
    ) -> Self {
        let k = &reporte.contenido;
        Self {
            busqueda: search::search_text(&k.titulo, k.descripcion.as_deref()),
            reporte,
            registro,
            aceptado: None,
            desfase_reloj_ms: None,
            epoch,
            antes: viejo.map(Countable::from),
        }
    }
}

/// What the database answers of a row it wrote.
#[derive(sigra_store_macros::FromRow)]
struct WrittenRow {
    id: i64,
    uuid_cliente: String,
}

/// The id of a report's file, by the file's uuid.
#[derive(sigra_store_macros::FromRow)]
struct WrittenArchivo {
    id: i64,
    reporte_id: i64,
    uuid_cliente: String,
}

/// The ids of new files, by report and uuid.
pub(crate) type ArchivoIds = HashMap<(i64, String), i64>;

/// The ids of new reports, by uuid; a report whose uuid was taken has none.
pub(crate) type ReporteIds = HashMap<String, i64>;

/// Writes new reports whose uuid is free. No uuid may come twice. On PostgreSQL this waits for
/// concurrent creations of the same uuids, in the order of the uuids: two lots that share some don't
/// deadlock.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    nuevas: &[&ReporteWrite],
) -> Result<(ReporteIds, ArchivoIds), StoreError> {
    if nuevas.is_empty() {
        return Ok((HashMap::new(), HashMap::new()));
    }
    let escritas = match &mut tx.conn {
        Conn::Sqlite(c) => sqlite::insert(c, nuevas).await?,
        Conn::Postgres(c) => postgres::insert(c, nuevas).await?,
    };
    let ids: ReporteIds = escritas
        .into_iter()
        .map(|e| (e.uuid_cliente, e.id))
        .collect();
    let archivos: Vec<(i64, &Archivo)> = nuevas
        .iter()
        .filter_map(|n| Some((*ids.get(&n.reporte.uuid_cliente)?, &n.reporte)))
        .flat_map(|(id, r)| {
            r.contenido
                .multimedia
                .iter()
                .flatten()
                .map(move |a| (id, a))
        })
        .collect();
    let archivos = insert_archivos(tx, &archivos).await?;
    let escritas = nuevas
        .iter()
        .filter_map(|n| Some((*ids.get(&n.reporte.uuid_cliente)?, &n.reporte)));
    let mut conteo = Counts::default();
    escritas
        .clone()
        .for_each(|(_, r)| conteo.increment(&r.into()));
    counters::record(tx, &conteo).await?;
    record_hash_aliases(tx, escritas).await?;
    Ok((ids, archivos))
}

/// Writes changes of reports that are there. Of several changes of one report, in their order, the
/// last is what its row holds.
pub(crate) async fn update(tx: &mut Tx<'_>, cambios: &[&ReporteWrite]) -> Result<(), StoreError> {
    if cambios.is_empty() {
        return Ok(());
    }
    match &mut tx.conn {
        Conn::Sqlite(c) => sqlite::update(c, cambios).await?,
        Conn::Postgres(c) => postgres::update(c, cambios).await?,
    }
    let mut conteo = Counts::default();
    for e in cambios {
        e.antes.iter().for_each(|antes| conteo.decrement(antes));
        conteo.increment(&(&e.reporte).into());
    }
    counters::record(tx, &conteo).await?;
    record_hash_aliases(tx, cambios.iter().map(|e| (e.reporte.id, &e.reporte))).await
}

/// Where a report's hash is of a manifest with uuids in upper case: what its row hashes to. Few phones
/// write them so, and nothing else makes the two differ.
async fn record_hash_aliases<'a>(
    tx: &mut Tx<'_>,
    escritos: impl Iterator<Item = (i64, &'a Reporte)>,
) -> Result<(), StoreError> {
    let con_archivos =
        escritos.filter(|(_, r)| r.contenido.multimedia.iter().any(|m| !m.is_empty()));
    let rows: Vec<(i64, &str, String)> = con_archivos
        .map(|(id, r)| (id, r.sha256_contenido.as_str(), r.contenido.sha256()))
        .filter(|(_, enviada, guardada)| enviada != guardada)
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let sql = tx.conn.pick(
        "INSERT INTO huellas (reporte_id, enviada, guardada)
         SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
         FROM json_each($1) WHERE TRUE ON CONFLICT DO NOTHING",
        "INSERT INTO huellas (reporte_id, enviada, guardada)
         SELECT CAST(value->>0 AS BIGINT), value->>1, value->>2
         FROM json_array_elements(CAST($1 AS JSON)) ON CONFLICT DO NOTHING",
    );
    with_conn!(tx.conn, c => sqlx::query(sql).bind(json(&rows)?).execute(&mut **c).await.map(drop))?;
    Ok(())
}

/// Adds files to the manifests of reports.
pub(crate) async fn insert_archivos(
    tx: &mut Tx<'_>,
    archivos: &[(i64, &Archivo)],
) -> Result<ArchivoIds, StoreError> {
    let escritos = match &mut tx.conn {
        _ if archivos.is_empty() => vec![],
        Conn::Sqlite(c) => sqlite::insert_archivos(c, archivos).await?,
        Conn::Postgres(c) => postgres::insert_archivos(c, archivos).await?,
    };
    Ok(escritos
        .into_iter()
        .map(|a| ((a.reporte_id, a.uuid_cliente), a.id))
        .collect())
}

/// Whether each is the last change of its report.
fn with_last_flag<'a>(cambios: &[&'a ReporteWrite]) -> Vec<(&'a ReporteWrite, bool)> {
    let mut vistos = std::collections::HashSet::new();
    let mut todas: Vec<_> = cambios
        .iter()
        .rev()
        .map(|e| (*e, vistos.insert(e.reporte.id)))
        .collect();
    todas.reverse();
    todas
}
