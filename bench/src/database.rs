//! The databases that are measured: made for this run, and gone with it.

use std::{cell::RefCell, path::Path};

use clap::ValueEnum;
use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use url::Url;

use crate::{Error, disk};

/// Set by `scripts/with-postgres`.
const VARIABLE: &str = "SIGRA_TEST_POSTGRES_URL";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

#[derive(Clone)]
pub struct Database {
    pub engine: Engine,
    pub url: String,
}

pub struct Databases {
    dir: TempDir,
    server: Option<Url>,
    /// On PostgreSQL, to be dropped.
    created: RefCell<Vec<Database>>,
}

/// What PostgreSQL promises about a COMMIT, in its own words.
#[derive(Debug, Serialize)]
pub struct Durability {
    pub version: String,
    pub fsync: String,
    pub synchronous_commit: String,
    pub full_page_writes: String,
}

impl Databases {
    pub fn new(output: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(output)?;
        disk::require_disk(output, "elija otra carpeta con --salida")?;
        let server = std::env::var(VARIABLE).ok();
        let server = server.map(|url| Url::parse(&url)).transpose();
        Ok(Self {
            dir: tempfile::Builder::new()
                .prefix("datos-")
                .tempdir_in(output)?,
            server: server.map_err(|e| format!("{VARIABLE}: {e}"))?,
            created: RefCell::default(),
        })
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn has(&self, engine: Engine) -> bool {
        engine == Engine::Sqlite || self.server.is_some()
    }

    pub async fn create(&self, engine: Engine) -> Result<Database, Error> {
        self.create_with(engine, "").await
    }

    /// The same rows, tables and indexes once more. Nobody may have the original open.
    pub async fn copy(&self, original: &Database) -> Result<Database, Error> {
        let template = format!(" TEMPLATE {}", original.name());
        let copy = self.create_with(original.engine, &template).await?;
        if copy.engine == Engine::Sqlite {
            std::fs::copy(original.name(), copy.name())?;
        }
        copy.settle().await?;
        Ok(copy)
    }

    async fn create_with(&self, engine: Engine, template: &str) -> Result<Database, Error> {
        let name = format!(
            "sigra_bench_{:016x}",
            sigra_store::Env::default().random_i64()
        );
        if engine == Engine::Sqlite {
            let url = format!("sqlite:{}", self.dir().join(name + ".db").display());
            return Ok(Database { engine, url });
        }
        let mut url = self.server()?.clone();
        url.set_path(&name);
        let database = Database {
            engine,
            url: url.into(),
        };
        self.created.borrow_mut().push(database.clone());
        self.execute(format!("CREATE DATABASE {name}{template}"))
            .await?;
        Ok(database)
    }

    fn server(&self) -> Result<&Url, Error> {
        let advice = || format!("no hay PostgreSQL: use scripts/with-postgres o defina {VARIABLE}");
        Ok(self.server.as_ref().ok_or_else(advice)?)
    }

    async fn execute(&self, sql: String) -> Result<(), Error> {
        let mut conn = PgConnection::connect(self.server()?.as_str()).await?;
        conn.execute(AssertSqlSafe(sql)).await?;
        Ok(conn.close().await?)
    }

    /// Gives a database's space back. Nobody may have it open.
    pub async fn remove(&self, database: &Database) -> Result<(), Error> {
        match database.engine {
            Engine::Sqlite => Ok(std::fs::remove_file(database.name())?),
            Engine::Postgres => {
                let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.name());
                self.execute(drop).await
            }
        }
    }

    /// SQLite's files go with their directory.
    pub async fn drop_all(&self) -> Result<(), Error> {
        for database in self.created.take() {
            self.remove(&database).await?;
        }
        Ok(())
    }

    /// What the server promises; refuses one that would lose what it acknowledged.
    pub async fn durability(&self) -> Result<Durability, Error> {
        let mut conn = PgConnection::connect(self.server()?.as_str()).await?;
        let mut show = async |what: &'static str| -> Result<String, sqlx::Error> {
            sqlx::query_scalar(what).fetch_one(&mut conn).await
        };
        let durability = Durability {
            version: show("SHOW server_version").await?,
            fsync: show("SHOW fsync").await?,
            synchronous_commit: show("SHOW synchronous_commit").await?,
            full_page_writes: show("SHOW full_page_writes").await?,
        };
        // Only a superuser is told, and only a server on this machine has its files here.
        let data = show("SHOW data_directory").await.ok();
        conn.close().await?;
        for (name, value) in [
            ("fsync", &durability.fsync),
            ("synchronous_commit", &durability.synchronous_commit),
        ] {
            if value == "off" {
                return Err(format!(
                    "PostgreSQL tiene {name} = off: perdería reportes ya confirmados, así que no se \
                     mide (quite SIGRA_PG_FAST)"
                )
                .into());
            }
        }
        if let Some(data) = data {
            disk::require_disk(Path::new(&data), "elija otro disco con TMPDIR")?;
        }
        Ok(durability)
    }
}

impl Database {
    /// On PostgreSQL; the path of SQLite's file.
    pub fn name(&self) -> &str {
        match self.engine {
            Engine::Sqlite => self.url.trim_start_matches("sqlite:"),
            Engine::Postgres => {
                let path = self.url.split('?').next().unwrap_or_default();
                path.rsplit('/').next().unwrap_or_default()
            }
        }
    }

    /// The integer that a query yields, on a connection of its own.
    pub async fn integer(&self, sql: &'static str) -> Result<i64, Error> {
        Ok(match self.engine {
            Engine::Sqlite => {
                let mut conn = SqliteConnection::connect(&self.url).await?;
                let n = sqlx::query_scalar(sql).fetch_one(&mut conn).await?;
                conn.close().await?;
                n
            }
            Engine::Postgres => {
                let mut conn = PgConnection::connect(&self.url).await?;
                let n = sqlx::query_scalar(sql).fetch_one(&mut conn).await?;
                conn.close().await?;
                n
            }
        })
    }

    /// As it would be after a quiet night: nothing left to write, statistics made.
    pub async fn settle(&self) -> Result<(), Error> {
        match self.engine {
            Engine::Sqlite => {
                let mut conn = SqliteConnection::connect(&self.url).await?;
                conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
                conn.close().await?;
            }
            Engine::Postgres => {
                let mut conn = PgConnection::connect(&self.url).await?;
                conn.execute("VACUUM ANALYZE").await?;
                // Only for superusers; without it the server does so in its own time.
                conn.execute("CHECKPOINT").await.ok();
                conn.close().await?;
            }
        }
        Ok(())
    }
}
