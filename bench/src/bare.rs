//! The reference: the rows that SIGRA writes for a report, one report or many per transaction, on one
//! connection. No HTTP, no token, no validation, no hash: the rows are those of the last reports, which a
//! temporary table repeats under other ids.

use std::{sync::Arc, time::Duration};

use rusqlite::TransactionBehavior::Immediate;
use sigra_store::Env;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::{
    Error,
    database::{Database, Engine},
    real,
};

/// The first has the report's id as `id`, the others as `reporte_id`; other ids the database gives.
const TABLES: [&str; 4] = ["reportes", "bitacora", "cambios", "aceptados"];
/// As SIGRA opens SQLite, but for foreign keys. The log has the limit that SIGRA gives it: with SQLite's
/// own, every transaction of a thousand reports would end with a checkpoint.
const PRAGMAS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;
    PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 8000;";

/// A connection to a copy of a database that SIGRA filled.
pub struct Bare {
    conn: Conn,
    last: i64,
}

enum Conn {
    /// With a statement for each table.
    Sqlite(rusqlite::Connection, Vec<String>),
    /// One statement writes all, so that a transaction costs one round trip.
    Postgres(Box<PgConnection>, Arc<str>),
}

impl Bare {
    pub async fn open(database: &Database) -> Result<Self, Error> {
        let last = i64::try_from(database.whole_reportes().await?)?;
        let conn = match database.engine {
            Engine::Sqlite => open_sqlite(&database.name)?,
            Engine::Postgres => open_postgres(&database.url).await?,
        };
        Ok(Self { conn, last })
    }

    /// Writes for that long, so many reports in each transaction; how many in all, and a second.
    pub async fn write(&mut self, duration: Duration, count: u32) -> Result<(u64, f64), Error> {
        let (start, mut n) = (Env::monotonic_now(), 0);
        while n == 0 || start.elapsed() < duration {
            match &mut self.conn {
                Conn::Sqlite(conn, inserts) => {
                    let transaction = conn.transaction_with_behavior(Immediate)?;
                    for sql in inserts {
                        transaction
                            .prepare_cached(sql)?
                            .execute((count, self.last))?;
                    }
                    transaction.commit()?;
                }
                Conn::Postgres(conn, sql) => {
                    let insert = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
                    let insert = insert.bind(i64::from(count)).bind(self.last);
                    insert.execute(conn.as_mut()).await?;
                }
            }
            self.last += i64::from(count);
            n += u64::from(count);
        }
        Ok((n, real(n) / start.elapsed().as_secs_f64()))
    }
}

/// Foreign keys and triggers are off, which SIGRA pays for and this does not.
fn open_sqlite(file: &str) -> Result<Conn, Error> {
    let conn = rusqlite::Connection::open(file)?;
    conn.execute_batch(PRAGMAS)?;
    let durable: (String, i64) = conn.query_row(
        "SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous",
        (),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    // Checked, not believed.
    if durable != ("wal".into(), 2) {
        return Err("la base SQLite de referencia no es durable".into());
    }
    let texts = |sql: &str| -> Result<Vec<String>, rusqlite::Error> {
        conn.prepare(sql)?
            .query_map((), |row| row.get(0))?
            .collect()
    };
    for trigger in texts("SELECT name FROM sqlite_schema WHERE type = 'trigger'")? {
        conn.execute_batch(&format!("DROP TRIGGER {trigger}"))?;
    }
    let mut inserts = Vec::new();
    for table in TABLES {
        conn.execute_batch(&template(table))?;
        let columns = texts(&format!("SELECT name FROM pragma_table_info('{table}')"))?;
        inserts.push(insert(
            table,
            &columns,
            ("lower(hex(randomblob(18)))", "?2 + fila"),
        ));
    }
    Ok(Conn::Sqlite(conn, inserts))
}

async fn open_postgres(url: &str) -> Result<Conn, Error> {
    let mut conn = PgConnection::connect(url).await?;
    let mut inserts = Vec::new();
    for table in TABLES {
        conn.execute(AssertSqlSafe(template(table))).await?;
        let columns = "SELECT column_name::text FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name = $1";
        let columns: Vec<String> = sqlx::query_scalar(columns)
            .bind(table)
            .fetch_all(&mut conn)
            .await?;
        // Places in the feed are given when it is read.
        let insert = insert(table, &columns, ("gen_random_uuid()::text", "NULL::bigint"));
        inserts.push(format!("{table}_ AS ({insert})"));
    }
    let sql = format!("WITH {} SELECT 1", inserts.join(", "));
    Ok(Conn::Postgres(Box::new(conn), sql.replace('?', "$").into()))
}

/// The rows of the last thousand reports in their order, with their number.
fn template(table: &str) -> String {
    let key = if table == "reportes" {
        "id"
    } else {
        "reporte_id"
    };
    format!(
        "CREATE TEMPORARY TABLE t_{table} AS SELECT row_number() OVER (ORDER BY {key}) AS fila, t.*
        FROM {table} t WHERE {key} > (SELECT max(id) FROM reportes) - 1000 ORDER BY {key}"
    )
}

/// So many rows (`?1`) whose ids follow the last one (`?2`).
fn insert(table: &str, columns: &[String], (uuid, posicion): (&str, &str)) -> String {
    let columns = columns.iter().map(String::as_str);
    let columns: Vec<&str> = columns
        .filter(|c| *c != "id" || table == "reportes")
        .collect();
    let value = |column: &&str| match *column {
        "id" | "reporte_id" => "?2 + fila".to_owned(),
        "uuid_cliente" => uuid.to_owned(),
        "posicion" => posicion.to_owned(),
        column => column.to_owned(),
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let (columns, values) = (columns.join(", "), values.join(", "));
    format!("INSERT INTO {table} ({columns}) SELECT {values} FROM t_{table} LIMIT ?1")
}

#[cfg(test)]
mod tests {
    use super::insert;

    #[test]
    fn ids_and_what_is_unique_are_new() {
        let columns = ["id", "posicion", "reporte_id", "rut"].map(String::from);
        assert_eq!(
            insert("cambios", &columns, ("uuid()", "NULL")),
            "INSERT INTO cambios (posicion, reporte_id, rut) SELECT NULL, ?2 + fila, rut FROM t_cambios LIMIT ?1"
        );
    }
}
