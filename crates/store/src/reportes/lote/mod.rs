//! New reports, many at once: on SQLite one statement per table and handful of reports, on
//! PostgreSQL one statement for all tables and reports.

mod postgres;
mod sqlite;

use std::collections::HashMap;

use sigra_domain::reporte::Reporte;

use super::registro::Registro;
use crate::{Fallo, Tx, db::Conn};

/// A report ready to be written, with all that its creation leaves behind.
#[derive(Debug)]
pub(super) struct Nueva {
    pub(super) reporte: Reporte,
    pub(super) registro: Registro,
    /// The texts, folded for searching.
    pub(super) busqueda: String,
    /// The version the phone worked from; 0 when it said none.
    pub(super) version_base: i64,
    /// For the change feed.
    pub(super) marca: i64,
}

/// What the database answers of a row it wrote.
#[derive(sqlx::FromRow)]
struct Escrita {
    id: i64,
    uuid_cliente: String,
}

/// The id of a report's file, by the file's uuid.
#[derive(sqlx::FromRow)]
struct ArchivoEscrito {
    id: i64,
    reporte_id: i64,
    uuid_cliente: String,
}

/// The ids of the rows that were written.
pub(super) struct Escritas {
    reportes: HashMap<String, i64>,
    archivos: HashMap<(i64, String), i64>,
}

impl Escritas {
    /// The new report's id; `None` when its uuid was taken.
    pub(super) fn reporte(&self, uuid_cliente: &str) -> Option<i64> {
        self.reportes.get(uuid_cliente).copied()
    }

    pub(super) fn archivo(&self, reporte_id: i64, uuid_cliente: &str) -> Option<i64> {
        let clave = (reporte_id, uuid_cliente.to_owned());
        self.archivos.get(&clave).copied()
    }
}

/// Writes those whose uuid is free. No uuid may come twice. On PostgreSQL this waits for concurrent
/// creations of the same uuids, in the order of the uuids: two lots that share some don't deadlock.
pub(super) async fn inserta(tx: &mut Tx<'_>, nuevas: &[&Nueva]) -> Result<Escritas, Fallo> {
    let escritas = match &mut tx.conn {
        Conn::Sqlite(c) => sqlite::inserta(c, nuevas).await?,
        Conn::Postgres(c) => postgres::inserta(c, nuevas).await?,
    };
    let reportes: HashMap<String, i64> = escritas
        .into_iter()
        .map(|e| (e.uuid_cliente, e.id))
        .collect();
    let archivos: Vec<Archivo> = nuevas
        .iter()
        .filter_map(|n| Some((*reportes.get(&n.reporte.uuid_cliente)?, &n.reporte)))
        .flat_map(|(reporte_id, r)| {
            let archivos = r.contenido.multimedia.iter().flatten();
            archivos.map(move |archivo| Archivo {
                reporte_id,
                archivo,
            })
        })
        .collect();
    let escritos = match &mut tx.conn {
        _ if archivos.is_empty() => vec![],
        Conn::Sqlite(c) => sqlite::inserta_archivos(c, &archivos).await?,
        Conn::Postgres(c) => postgres::inserta_archivos(c, &archivos).await?,
    };
    Ok(Escritas {
        reportes,
        archivos: escritos
            .into_iter()
            .map(|a| ((a.reporte_id, a.uuid_cliente), a.id))
            .collect(),
    })
}

/// A file of a new report's manifest.
struct Archivo<'a> {
    reporte_id: i64,
    archivo: &'a sigra_domain::reporte::Archivo,
}
