//! The two databases behind one door.

use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::{Arc, RwLock},
    time::Duration,
};

use serde::Serialize;
use sigra_domain::catalogo::Catalogo;
use sqlx::{
    ConnectOptions as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Semaphore, watch};

use crate::{
    Entorno, Fallo,
    escritor::{Escritor, MAX_LOG},
    identidad::Porteria,
    sync::Secuencia,
};

/// Runs one body against whichever database is behind `$conn`: it is compiled once for each, so a
/// statement that one of them would not take in types does not compile.
macro_rules! con {
    ($conn:expr, $c:ident => $body:expr) => {
        match &mut $conn {
            $crate::db::Conn::Sqlite($c) => $body,
            $crate::db::Conn::Postgres($c) => $body,
        }
    };
}
pub(crate) use con;

/// A connection of either database.
pub(crate) enum Conn<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Conn<'_> {
    /// The statement for this database, where the two really differ.
    pub(crate) fn elige(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }
}

/// A list for a statement: both databases unfold JSON, and it is one value however long it is.
pub(crate) fn json(valores: &(impl Serialize + ?Sized)) -> Result<String, Fallo> {
    serde_json::to_string(valores).map_err(|e| Fallo::Dato(e.to_string()))
}

/// A borrowed connection for reading.
pub struct Lectura(LecturaConn);

enum LecturaConn {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Lectura {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match &mut self.0 {
            LecturaConn::Sqlite(c) => Conn::Sqlite(c),
            LecturaConn::Postgres(c) => Conn::Postgres(c),
        }
    }
}

/// Where connections for reading come from. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Lectores {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Lectores {
    pub(crate) async fn toma(&self) -> Result<Lectura, Fallo> {
        Ok(Lectura(match self {
            Self::Sqlite(pool) => LecturaConn::Sqlite(pool.acquire().await?),
            Self::Postgres(pool) => LecturaConn::Postgres(pool.acquire().await?),
        }))
    }
}

/// The storage of one site. Cheap to clone.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Interior>);

pub(crate) struct Interior {
    pub(crate) db: Db,
    pub(crate) porteria: Porteria,
    /// Only PostgreSQL needs one.
    pub(crate) secuencia: Option<Secuencia>,
    /// On PostgreSQL: how many writes may run. The rest of the connections is for those who read, who
    /// would otherwise wait behind every transaction that waits for another's lock.
    pub(crate) escrituras: Arc<Semaphore>,
    pub(crate) entorno: Entorno,
    /// The catalogue as last read; every use checks its version against the database's.
    pub(crate) catalogo: RwLock<Arc<Catalogo>>,
    /// Changes when somebody was told of something, here or on another node.
    pub(crate) novedades: watch::Sender<u64>,
}

pub(crate) enum Db {
    Sqlite {
        lectores: SqlitePool,
        escritor: Escritor,
    },
    Postgres(PgPool),
}

impl Db {
    fn lectores(&self) -> Lectores {
        match self {
            Self::Sqlite { lectores, .. } => Lectores::Sqlite(lectores.clone()),
            Self::Postgres(pool) => Lectores::Postgres(pool.clone()),
        }
    }
}

/// Readers of SQLite. More would only queue for the cores.
const LECTORES: u32 = 4;
/// How long a request waits for a connection before it is told to come back later.
pub(crate) const ESPERA: Duration = Duration::from_secs(5);

impl Store {
    /// Opens (`sqlite:FILE` or `postgres://…`) and migrates the database.
    ///
    /// `conexiones` bounds PostgreSQL's pool; SQLite has one writer and a few readers.
    pub async fn abrir(url: &str, conexiones: u32, entorno: Entorno) -> Result<Self, Fallo> {
        crate::Migraciones::todas().aplicar(url).await?;
        Self::abrir_migrada(url, conexiones, entorno).await
    }

    async fn abrir_migrada(url: &str, conexiones: u32, entorno: Entorno) -> Result<Self, Fallo> {
        let db = if let Some(archivo) = archivo_sqlite(url) {
            let opciones = opciones_sqlite(&archivo);
            let lectores = SqlitePoolOptions::new()
                .max_connections(LECTORES)
                .acquire_timeout(ESPERA)
                // A file does not go away as a server does: no question before each use.
                .test_before_acquire(false)
                // A reader is never left inside a transaction.
                .after_release(|c, _| {
                    Box::pin(async move { Ok(!sqlx::Connection::is_in_transaction(c)) })
                })
                .connect_with(
                    opciones
                        .clone()
                        .pragma("query_only", "1")
                        .pragma("cache_size", "-8192"),
                )
                .await?;
            Db::Sqlite {
                lectores,
                escritor: Escritor::nuevo(opciones, entorno.clone())?,
            }
        } else {
            Db::Postgres(
                PgPoolOptions::new()
                    .max_connections(conexiones)
                    .acquire_timeout(ESPERA)
                    .after_release(|c, _| {
                        Box::pin(async move { Ok(!sqlx::Connection::is_in_transaction(c)) })
                    })
                    .connect_with(opciones_postgres(url)?)
                    .await?,
            )
        };
        let vacio = Catalogo {
            version: 0,
            areas: vec![],
            severidades: vec![],
            estados: vec![],
            transiciones: vec![],
        };
        let porteria = Porteria::nueva(db.lectores());
        Ok(Self(Arc::new(Interior {
            secuencia: Secuencia::de(&db),
            escrituras: Arc::new(Semaphore::new(escrituras(conexiones))),
            db,
            porteria,
            entorno,
            catalogo: RwLock::new(Arc::new(vacio)),
            novedades: watch::Sender::new(0),
        })))
    }

    /// A connection for reading. Each statement sees one moment of the database.
    pub async fn leer(&self) -> Result<Lectura, Fallo> {
        self.0.db.lectores().toma().await
    }

    pub fn entorno(&self) -> &Entorno {
        &self.0.entorno
    }

    /// Whether the database answers now.
    pub async fn lista(&self) -> Result<(), Fallo> {
        let mut lectura = self.leer().await?;
        con!(lectura.conn(), c => sqlx::query("SELECT 1").execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Ends the writer and the connections; what was acknowledged is already durable.
    pub async fn cerrar(&self) {
        match &self.0.db {
            Db::Sqlite { lectores, escritor } => {
                escritor.cerrar().await;
                lectores.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }

    /// `sqlite` or `postgres`, for people.
    pub fn motor(&self) -> &'static str {
        match &self.0.db {
            Db::Sqlite { .. } => "sqlite",
            Db::Postgres(_) => "postgres",
        }
    }
}

/// Of so many connections, those that writes may hold at once.
fn escrituras(conexiones: u32) -> usize {
    let para_leer = (conexiones / 4).max(1);
    usize::try_from(conexiones.saturating_sub(para_leer).max(1)).unwrap_or(1)
}

/// The file that a `sqlite:` URL names.
pub(crate) fn archivo_sqlite(url: &str) -> Option<PathBuf> {
    let resto = url.strip_prefix("sqlite:")?;
    Some(Path::new(resto.strip_prefix("//").unwrap_or(resto)).to_owned())
}

pub(crate) fn opciones_sqlite(archivo: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(archivo)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // Only another process (a command beside a running server) can hold the lock.
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", "-32768")
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", MAX_LOG.to_string())
        .disable_statement_logging()
}

pub(crate) fn opciones_postgres(url: &str) -> Result<PgConnectOptions, Fallo> {
    let opciones = PgConnectOptions::from_str(url).map_err(|_| {
        Fallo::Esquema("la URL de PostgreSQL no se entiende; escríbala como postgres://usuario:clave@servidor/base".into())
    })?;
    Ok(opciones
        .application_name("sigra")
        // A node that died in the middle must not hold its locks for ever.
        .options([("idle_in_transaction_session_timeout", "60000")])
        .disable_statement_logging())
}
