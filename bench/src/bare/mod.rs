//! The reference: the rows that SIGRA writes for a report, one report or many per transaction, on one
//! connection, by the shortest way that the database offers. No HTTP, no token, no validation, no hash.
//! The rows are those that SIGRA wrote for the last reports, under other ids.

mod postgres;
mod sqlite;

use std::time::Duration;

use sigra_store::Env;

use crate::{
    Error,
    database::{Database, Engine},
    real,
};

/// The first has the report's id as `id`, the others as `reporte_id`; other ids the database gives.
const TABLES: [&str; 4] = ["reportes", "bitacora", "cambios", "aceptados"];
/// So many reports are repeated.
const TEMPLATES: i64 = 400;

pub enum Bare {
    Sqlite(sqlite::Bare),
    Postgres(Box<postgres::Bare>),
}

/// A table's columns with their types, and the values of each report's row.
struct Table<V> {
    name: &'static str,
    columns: Vec<(String, String)>,
    rows: Vec<Vec<V>>,
}

impl Bare {
    /// On a copy of a database that SIGRA filled.
    pub async fn open(database: &Database) -> Result<Self, Error> {
        Ok(match database.engine {
            Engine::Sqlite => Self::Sqlite(sqlite::Bare::open(database)?),
            Engine::Postgres => Self::Postgres(Box::new(postgres::Bare::open(database).await?)),
        })
    }

    /// Writes for that long, so many reports in each transaction; how many in all, and a second.
    pub async fn write(&mut self, duration: Duration, count: u32) -> Result<(u64, f64), Error> {
        let (start, mut n) = (Env::monotonic_now(), 0);
        while n == 0 || start.elapsed() < duration {
            match self {
                Self::Sqlite(bare) => bare.write(count)?,
                Self::Postgres(bare) => bare.write(count).await?,
            }
            n += u64::from(count);
        }
        Ok((n, real(n) / start.elapsed().as_secs_f64()))
    }
}

impl<V> Table<V> {
    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    }
}

/// The order of the rows is that of the reports.
fn select(table: &str, columns: &str) -> String {
    let key = if table == "reportes" {
        "id"
    } else {
        "reporte_id"
    };
    format!(
        "SELECT {columns} FROM {table}
        WHERE {key} > (SELECT max(id) FROM reportes) - {TEMPLATES} ORDER BY {key}"
    )
}

/// Whether the database gives this column its value.
fn is_given(table: &str, column: &str) -> bool {
    column == "id" && table != "reportes"
}
