//! A look into a database beside the server.

use sqlx::{
    AssertSqlSafe, Connection as _, FromRow, PgConnection, SqliteConnection, postgres::PgRow,
    sqlite::SqliteRow,
};

use crate::{base::Motor, error::Error};

/// A connection of its own.
pub enum Lector {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Lector {
    pub async fn abre(motor: Motor, url: &str) -> Result<Self, Error> {
        Ok(match motor {
            Motor::Sqlite => Self::Sqlite(SqliteConnection::connect(url).await?),
            Motor::Postgres => Self::Postgres(PgConnection::connect(url).await?),
        })
    }

    /// The rows that a query yields, as tuples.
    pub async fn filas<T>(&mut self, sql: &str) -> Result<Vec<T>, Error>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(match self {
            Self::Sqlite(c) => sqlx::query_as(sql).fetch_all(c).await?,
            Self::Postgres(c) => sqlx::query_as(sql).fetch_all(c).await?,
        })
    }

    pub async fn cierra(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(c) => c.close().await?,
            Self::Postgres(c) => c.close().await?,
        }
        Ok(())
    }
}

/// The rows that a query yields, on a connection that nobody needs afterwards.
pub async fn filas<T>(motor: Motor, url: &str, sql: &str) -> Result<Vec<T>, Error>
where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let mut lector = Lector::abre(motor, url).await?;
    let filas = lector.filas(sql).await?;
    lector.cierra().await?;
    Ok(filas)
}

/// The integers that a query yields.
pub async fn enteros(motor: Motor, url: &str, sql: &str) -> Result<Vec<i64>, Error> {
    let filas: Vec<(i64,)> = filas(motor, url, sql).await?;
    Ok(filas.into_iter().map(|(n,)| n).collect())
}
