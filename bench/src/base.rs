//! The databases that are measured: made for this run, and gone with it.

use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::{Mutex, PoisonError},
};

use clap::ValueEnum;
use serde::Serialize;
use sigra_store::Env;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions,
};
use tempfile::TempDir;
use url::Url;

use crate::{disco, error::Error};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Motor {
    Sqlite,
    Postgres,
}

impl Motor {
    pub fn nombre(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Set by `scripts/with-postgres`.
const VARIABLE: &str = "SIGRA_TEST_POSTGRES_URL";

pub struct Bases {
    dir: TempDir,
    servidor: Option<Url>,
    /// On PostgreSQL, to be dropped.
    creadas: Mutex<Vec<String>>,
}

/// What PostgreSQL promises about a COMMIT, in its own words.
#[derive(Clone, Debug, Serialize)]
pub struct Durabilidad {
    pub version: String,
    pub fsync: String,
    pub synchronous_commit: String,
    pub full_page_writes: String,
}

impl Bases {
    pub fn nuevas(salida: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(salida)?;
        disco::exige_disco(salida, "elija otra carpeta con --salida")?;
        let servidor = std::env::var(VARIABLE).ok();
        let servidor = servidor.map(|url| Url::parse(&url)).transpose();
        let servidor = servidor.map_err(|e| Error::Negado(format!("{VARIABLE}: {e}")))?;
        let dir = tempfile::Builder::new()
            .prefix("datos-")
            .tempdir_in(salida)?;
        Ok(Self {
            dir,
            servidor,
            creadas: Mutex::default(),
        })
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn hay(&self, motor: Motor) -> bool {
        motor == Motor::Sqlite || self.servidor.is_some()
    }

    /// Where a new database will be.
    pub async fn crea(&self, motor: Motor) -> Result<String, Error> {
        match motor {
            Motor::Sqlite => Ok(de_archivo(&self.archivo())),
            Motor::Postgres => self.crea_postgres("").await,
        }
    }

    /// The same rows, tables and indexes once more. Nobody may have the original open.
    pub async fn copia(&self, motor: Motor, url: &str) -> Result<String, Error> {
        match motor {
            Motor::Sqlite => {
                let (de, a) = (PathBuf::from(archivo_de(url)), self.archivo());
                let copia = de_archivo(&a);
                tokio::task::spawn_blocking(move || std::fs::copy(de, a)).await??;
                Ok(copia)
            }
            Motor::Postgres => {
                let original = nombre_de(url)?;
                self.crea_postgres(&format!(" TEMPLATE {original}")).await
            }
        }
    }

    /// Gives a database's space back before the run ends. Nobody may have it open.
    pub async fn quita(&self, motor: Motor, url: &str) -> Result<(), Error> {
        match motor {
            Motor::Sqlite => std::fs::remove_file(archivo_de(url))?,
            Motor::Postgres => {
                let mut c = self.conecta().await?;
                c.execute(borra(&nombre_de(url)?)).await?;
                c.close().await?;
            }
        }
        Ok(())
    }

    /// A new directory on the disk of the databases.
    pub fn carpeta(&self) -> Result<PathBuf, Error> {
        let azar = u64::from_le_bytes(Env::default().random());
        let carpeta = self.dir.path().join(format!("archivos_{azar:016x}"));
        std::fs::create_dir(&carpeta)?;
        Ok(carpeta)
    }

    fn archivo(&self) -> PathBuf {
        let azar = u64::from_le_bytes(Env::default().random());
        self.dir.path().join(format!("sigra_{azar:016x}.db"))
    }

    fn servidor(&self) -> Result<&Url, Error> {
        self.servidor.as_ref().ok_or_else(|| {
            Error::Negado(format!(
                "no hay PostgreSQL: use scripts/with-postgres o defina {VARIABLE}"
            ))
        })
    }

    async fn conecta(&self) -> Result<PgConnection, Error> {
        let opciones = PgConnectOptions::from_str(self.servidor()?.as_str())?;
        Ok(PgConnection::connect_with(&opciones).await?)
    }

    async fn crea_postgres(&self, resto: &str) -> Result<String, Error> {
        let azar = u64::from_le_bytes(Env::default().random());
        let nombre = format!("sigra_bench_{azar:016x}");
        let mut url = self.servidor()?.clone();
        url.set_path(&nombre);
        self.creadas
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(nombre.clone());
        let mut c = self.conecta().await?;
        c.execute(AssertSqlSafe(format!("CREATE DATABASE {nombre}{resto}")))
            .await?;
        c.close().await?;
        Ok(url.into())
    }

    /// What the server promises; refuses one that would lose what it acknowledged.
    pub async fn durabilidad(&self) -> Result<Durabilidad, Error> {
        let mut c = self.conecta().await?;
        let mut lee = async |que: &'static str| -> Result<String, sqlx::Error> {
            sqlx::query_scalar(que).fetch_one(&mut c).await
        };
        let d = Durabilidad {
            version: lee("SHOW server_version").await?,
            fsync: lee("SHOW fsync").await?,
            synchronous_commit: lee("SHOW synchronous_commit").await?,
            full_page_writes: lee("SHOW full_page_writes").await?,
        };
        // Only a superuser is told, and only a server on this machine has its files here.
        let datos = lee("SHOW data_directory").await.ok();
        c.close().await?;
        for (nombre, valor) in [
            ("fsync", &d.fsync),
            ("synchronous_commit", &d.synchronous_commit),
        ] {
            if valor == "off" {
                return Err(Error::Negado(format!(
                    "PostgreSQL tiene {nombre} = off: perdería reportes ya confirmados, así que no se \
                     mide (quite SIGRA_PG_FAST)"
                )));
            }
        }
        if let Some(datos) = datos {
            disco::exige_disco(Path::new(&datos), "elija otro disco con TMPDIR")?;
        }
        Ok(d)
    }

    /// Drops what was made; SQLite's files go with their directory.
    pub async fn borra(self) -> Result<(), Error> {
        let creadas = self
            .creadas
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(servidor) = self.servidor.filter(|_| !creadas.is_empty()) {
            let mut c = PgConnection::connect(servidor.as_str()).await?;
            for nombre in creadas {
                c.execute(borra(&nombre)).await?;
            }
            c.close().await?;
        }
        self.dir.close()?;
        Ok(())
    }
}

fn borra(nombre: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("DROP DATABASE IF EXISTS {nombre} WITH (FORCE)"))
}

fn de_archivo(archivo: &Path) -> String {
    format!("sqlite:{}", archivo.display())
}

/// The path in an SQLite database's URL.
pub fn archivo_de(url: &str) -> &str {
    url.strip_prefix("sqlite:").unwrap_or(url)
}

fn nombre_de(url: &str) -> Result<String, Error> {
    let url = Url::parse(url).map_err(|_| Error::Interno("url"))?;
    Ok(url.path().trim_start_matches('/').to_owned())
}
