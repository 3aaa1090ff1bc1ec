//! PostgreSQL on one connection: one statement writes all rows of a transaction's reports, so that it
//! costs one round trip. The values come as one array of texts a column. Foreign keys and triggers are
//! part of the tables.

use std::{borrow::Cow, str::FromStr as _, sync::Arc};

use sigra_store::Env;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, PgConnection, Row as _, postgres::PgConnectOptions,
};

use super::{TABLES, Table, is_given, select};
use crate::{Error, database::Database};

pub struct Bare {
    conn: PgConnection,
    tables: Vec<Table<Option<String>>>,
    sql: Arc<str>,
    /// The last report.
    last: i64,
}

impl Bare {
    pub async fn open(database: &Database) -> Result<Self, Error> {
        let options = PgConnectOptions::from_str(&database.url)?.disable_statement_logging();
        let mut conn = options.connect().await?;
        let mut tables = Vec::new();
        for name in TABLES {
            tables.push(table(&mut conn, name).await?);
        }
        let last = "SELECT max(id) FROM reportes";
        let last = sqlx::query_scalar(last).fetch_one(&mut conn).await?;
        Ok(Self {
            conn,
            sql: insert(&tables).into(),
            tables,
            last,
        })
    }

    pub async fn write(&mut self, count: u32) -> Result<(), Error> {
        let (env, first) = (Env::default(), self.last + 1);
        self.last += i64::from(count);
        let mut query = sqlx::query(AssertSqlSafe(Arc::clone(&self.sql)));
        for table in &self.tables {
            for (i, (column, _)) in table.columns.iter().enumerate() {
                let value = |id: i64| -> Option<Cow<'_, str>> {
                    match column.as_str() {
                        "id" | "reporte_id" => Some(id.to_string().into()),
                        "uuid_cliente" => {
                            let uuid = uuid::Builder::from_random_bytes(env.random()).into_uuid();
                            Some(uuid.to_string().into())
                        }
                        // Whoever reads the feed gives it.
                        "posicion" => None,
                        _ => {
                            let at = usize::try_from(id).unwrap_or(0) % table.rows.len();
                            table.rows[at][i].as_deref().map(Cow::Borrowed)
                        }
                    }
                };
                query = query.bind((first..=self.last).map(value).collect::<Vec<_>>());
            }
        }
        query.execute(&mut self.conn).await?;
        Ok(())
    }
}

async fn table(
    conn: &mut PgConnection,
    name: &'static str,
) -> Result<Table<Option<String>>, Error> {
    let columns = "SELECT column_name::text, data_type::text FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";
    let columns: Vec<(String, String)> = sqlx::query_as(columns)
        .bind(name)
        .fetch_all(&mut *conn)
        .await?;
    let columns: Vec<_> = columns
        .into_iter()
        .filter(|(column, _)| !is_given(name, column))
        .collect();
    let texts: Vec<String> = columns
        .iter()
        .map(|(column, _)| format!("{column}::text"))
        .collect();
    let rows = sqlx::query(AssertSqlSafe(select(name, &texts.join(", "))));
    let rows = rows.fetch_all(conn).await?;
    let row = |row: &sqlx::postgres::PgRow| (0..columns.len()).map(|i| row.try_get(i)).collect();
    Ok(Table {
        name,
        rows: rows.iter().map(row).collect::<Result<_, _>>()?,
        columns,
    })
}

/// `WITH d AS (…), reportes_ AS (INSERT …), … SELECT 1`
fn insert(tables: &[Table<Option<String>>]) -> String {
    let (mut arrays, mut fields, mut inserts) = (Vec::new(), Vec::new(), Vec::new());
    for table in tables {
        let mut values = Vec::new();
        for (_, kind) in &table.columns {
            let n = arrays.len() + 1;
            arrays.push(format!("${n}::text[]"));
            fields.push(format!("c{n}"));
            values.push(format!("c{n}::{kind}"));
        }
        let (name, columns, values) = (table.name, table.names(), values.join(", "));
        inserts.push(format!(
            "{name}_ AS (INSERT INTO {name} ({columns}) SELECT {values} FROM d)"
        ));
    }
    let (arrays, fields) = (arrays.join(", "), fields.join(", "));
    format!(
        "WITH d AS MATERIALIZED (SELECT * FROM unnest({arrays}) AS d ({fields})), {} SELECT 1",
        inserts.join(", ")
    )
}
