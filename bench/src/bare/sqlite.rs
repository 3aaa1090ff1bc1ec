//! SQLite through rusqlite: prepared statements and nothing between them and the library. Foreign keys
//! and triggers are off, which SIGRA pays for and this does not. The log has the limit that SIGRA gives
//! it: with SQLite's own, every transaction of a thousand reports would end with a checkpoint.

use rusqlite::{Connection, ToSql, TransactionBehavior, params_from_iter, types::Value};
use sigra_store::Env;

use super::{TABLES, Table, is_given, select};
use crate::{Error, database::Database};

pub struct Bare {
    conn: Connection,
    /// Each with its INSERT.
    tables: Vec<(Table<Value>, String)>,
    /// The last report, and the last place in the feed.
    last: (i64, i64),
}

impl Bare {
    pub fn open(database: &Database) -> Result<Self, Error> {
        let conn = Connection::open(database.name())?;
        // As SIGRA opens it; what costs durability is checked, not believed.
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;
             PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 8000;",
        )?;
        let mode: String = conn.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
        let synchronous: i64 = conn.query_row("PRAGMA synchronous", (), |row| row.get(0))?;
        if (mode.as_str(), synchronous) != ("wal", 2) {
            return Err("la base SQLite de referencia no es durable".into());
        }
        let triggers = strings(
            &conn,
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'",
        )?;
        for name in triggers {
            conn.execute_batch(&format!("DROP TRIGGER {name}"))?;
        }
        let tables = TABLES.map(|name| table(&conn, name));
        let last = "SELECT (SELECT max(id) FROM reportes), (SELECT max(posicion) FROM cambios)";
        let last = conn.query_row(last, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self {
            tables: tables.into_iter().collect::<Result<_, _>>()?,
            conn,
            last,
        })
    }

    pub fn write(&mut self, count: u32) -> Result<(), Error> {
        let env = Env::default();
        let transaction = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for _ in 0..count {
            self.last = (self.last.0 + 1, self.last.1 + 1);
            let (id, posicion) = self.last;
            let uuid = uuid::Builder::from_random_bytes(env.random())
                .into_uuid()
                .to_string();
            for (table, sql) in &self.tables {
                let row = &table.rows[usize::try_from(id)? % table.rows.len()];
                let values = table.columns.iter().zip(row).map(|((column, _), value)| {
                    let value: &dyn ToSql = match column.as_str() {
                        "id" | "reporte_id" => &id,
                        "uuid_cliente" => &uuid,
                        "posicion" => &posicion,
                        _ => value,
                    };
                    value
                });
                transaction
                    .prepare_cached(sql)?
                    .execute(params_from_iter(values))?;
            }
        }
        Ok(transaction.commit()?)
    }
}

fn table(conn: &Connection, name: &'static str) -> Result<(Table<Value>, String), Error> {
    let columns = strings(
        conn,
        &format!("SELECT name FROM pragma_table_info('{name}')"),
    )?;
    let columns = columns.into_iter().filter(|column| !is_given(name, column));
    let mut table = Table {
        name,
        columns: columns.map(|column| (column, String::new())).collect(),
        rows: vec![],
    };
    let width = table.columns.len();
    table.rows = conn
        .prepare(&select(name, &table.names()))?
        .query_map((), |row| (0..width).map(|i| row.get(i)).collect())?
        .collect::<Result<_, _>>()?;
    let (names, places) = (table.names(), vec!["?"; width].join(", "));
    let insert = format!("INSERT INTO {name} ({names}) VALUES ({places})");
    Ok((table, insert))
}

fn strings(conn: &Connection, sql: &str) -> Result<Vec<String>, rusqlite::Error> {
    conn.prepare(sql)?
        .query_map((), |row| row.get(0))?
        .collect()
}
