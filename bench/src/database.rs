//! The databases that are measured: made for this run, and gone with it.

use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

use crate::{Error, disk};

/// Set by `scripts/with-postgres`.
const VARIABLE: &str = "SIGRA_TEST_POSTGRES_URL";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Sqlite,
    Postgres,
}

pub struct Databases {
    dir: TempDir,
    /// A PostgreSQL server, without the name of a database.
    server: Option<String>,
}

pub struct Database {
    pub engine: Engine,
    pub url: String,
    /// On PostgreSQL; the path of SQLite's file.
    pub name: String,
}

impl Databases {
    pub fn new(output: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(output)?;
        disk::require_disk(output, "elija otra carpeta con --salida")?;
        let url = std::env::var(VARIABLE).ok();
        let server = url.and_then(|url| Some(url.rsplit_once('/')?.0.to_owned()));
        let dir = tempfile::Builder::new()
            .prefix("datos-")
            .tempdir_in(output)?;
        Ok(Self { dir, server })
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Those that are there.
    pub fn engines(&self) -> Vec<Engine> {
        let all = [Engine::Sqlite, Engine::Postgres].into_iter();
        all.take(1 + usize::from(self.server.is_some())).collect()
    }

    /// One with nothing in it, or with all that another one has, which nobody may have open. What an
    /// earlier one of this name left is replaced.
    pub async fn create(
        &self,
        engine: Engine,
        name: &str,
        template: Option<&Database>,
    ) -> Result<Database, Error> {
        let name = format!("sigra_bench_{name}");
        if engine == Engine::Sqlite {
            let name = self.dir().join(name + ".db").display().to_string();
            if let Some(template) = template {
                std::fs::copy(&template.name, &name)?;
            }
            let url = format!("sqlite:{name}");
            return Ok(Database { engine, url, name });
        }
        let mut conn = self.connect("postgres").await?;
        conn.execute(drop_database(&name)).await?;
        let template = template.map_or("template1", |database| &database.name);
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        conn.execute(AssertSqlSafe(create)).await?;
        let url = format!("{}/{name}", self.server()?);
        let mut conn = PgConnection::connect(&url).await?;
        // As after a quiet night; only a superuser may say when.
        conn.execute("VACUUM ANALYZE").await?;
        conn.execute("CHECKPOINT").await.ok();
        conn.close().await?;
        Ok(Database { engine, url, name })
    }

    /// Nobody may have it open.
    pub async fn remove(&self, database: &Database) -> Result<(), Error> {
        match database.engine {
            Engine::Sqlite => {
                std::fs::remove_file(&database.name)?;
                // A log that were left would be taken for the next one's.
                for log in ["-wal", "-shm"] {
                    std::fs::remove_file(format!("{}{log}", database.name)).ok();
                }
            }
            Engine::Postgres => {
                let mut conn = self.connect("postgres").await?;
                conn.execute(drop_database(&database.name)).await?;
            }
        }
        Ok(())
    }

    fn server(&self) -> Result<&str, Error> {
        let advice = || format!("no hay PostgreSQL: use scripts/with-postgres o defina {VARIABLE}");
        Ok(self.server.as_deref().ok_or_else(advice)?)
    }

    async fn connect(&self, database: &str) -> Result<PgConnection, Error> {
        Ok(PgConnection::connect(&format!("{}/{database}", self.server()?)).await?)
    }

    /// What PostgreSQL promises about a COMMIT, in its own words; refuses one that would lose what it
    /// acknowledged.
    pub async fn durability(&self) -> Result<Value, Error> {
        let mut conn = self.connect("postgres").await?;
        let mut show = async |what: &'static str| -> Result<String, sqlx::Error> {
            sqlx::query_scalar(what).fetch_one(&mut conn).await
        };
        let durability = json!({
            "version": show("SHOW server_version").await?,
            "fsync": show("SHOW fsync").await?,
            "synchronous_commit": show("SHOW synchronous_commit").await?,
            "full_page_writes": show("SHOW full_page_writes").await?,
        });
        for name in ["fsync", "synchronous_commit"] {
            if durability[name] == "off" {
                return Err(format!(
                    "PostgreSQL tiene {name} = off: perdería reportes ya confirmados, así que no se \
                     mide (quite SIGRA_PG_FAST)"
                )
                .into());
            }
        }
        // Only a superuser is told, and only a server on this machine has its files here.
        if let Ok(data) = show("SHOW data_directory").await {
            disk::require_disk(Path::new(&data), "elija otro disco con TMPDIR")?;
        }
        Ok(durability)
    }
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

impl Database {
    /// Reports that are there with all that belongs to each, also its photo, which is another version.
    pub async fn whole_reportes(&self) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM reportes r
            WHERE r.sync_status = 'completo'
                AND r.version = (SELECT count(*) FROM bitacora b WHERE b.reporte_id = r.id)
                AND r.version = (SELECT count(*) FROM cambios c WHERE c.reporte_id = r.id)
                AND 1 = (SELECT count(*) FROM aceptados a WHERE a.reporte_id = r.id)";
        let n: i64 = if self.engine == Engine::Sqlite {
            rusqlite::Connection::open(&self.name)?.query_row(sql, (), |row| row.get(0))?
        } else {
            let mut conn = PgConnection::connect(&self.url).await?;
            sqlx::query_scalar(sql).fetch_one(&mut conn).await?
        };
        Ok(n.try_into()?)
    }
}

fn drop_database(name: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
}
