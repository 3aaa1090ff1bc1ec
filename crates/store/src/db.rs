//! The two databases behind one door.

use std::{
    path::Path,
    str::FromStr as _,
    sync::{Arc, RwLock, atomic::AtomicU64},
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
    Env, StoreError,
    feed::Sequencer,
    identity::SessionLookup,
    sqlite_writer::{MAX_WAL_PAGES, SqliteWriter},
};

/// Runs one body against whichever database is behind `$conn`: it is compiled once for each, so a
/// statement that one of them would not take in types does not compile.
macro_rules! with_conn {
    ($conn:expr, $c:ident => $body:expr) => {
        match &mut $conn {
            $crate::db::Conn::Sqlite($c) => $body,
            $crate::db::Conn::Postgres($c) => $body,
        }
    };
}
pub(crate) use with_conn;

/// A connection of either database.
pub(crate) enum Conn<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Conn<'_> {
    /// The statement for this database, where the two really differ.
    pub(crate) fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }
}

/// A list for a statement: both databases unfold JSON, and it is one value however long it is.
pub(crate) fn json(values: &(impl Serialize + ?Sized)) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(|e| StoreError::Dato(e.to_string()))
}

/// A borrowed connection for reading.
pub struct ReadConn(ReadConnKind);

enum ReadConnKind {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl ReadConn {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match &mut self.0 {
            ReadConnKind::Sqlite(c) => Conn::Sqlite(c),
            ReadConnKind::Postgres(c) => Conn::Postgres(c),
        }
    }
}

/// Where connections for reading come from. Cheap to clone.
#[derive(Clone)]
pub(crate) enum ReadPool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl ReadPool {
    pub(crate) async fn acquire(&self) -> Result<ReadConn, StoreError> {
        Ok(ReadConn(match self {
            Self::Sqlite(pool) => ReadConnKind::Sqlite(pool.acquire().await?),
            Self::Postgres(pool) => ReadConnKind::Postgres(pool.acquire().await?),
        }))
    }
}

/// The storage of one site. Cheap to clone.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) session_lookup: SessionLookup,
    /// Only PostgreSQL needs one.
    pub(crate) sequencer: Option<Sequencer>,
    /// On PostgreSQL: how many writes may run. The rest of the connections is for those who read, who
    /// would otherwise wait behind every transaction that waits for another's lock.
    pub(crate) escrituras: Arc<Semaphore>,
    pub(crate) env: Env,
    /// The catalogue as last read; every use checks its version against the database's.
    pub(crate) catalogo: RwLock<Arc<Catalogo>>,
    /// Changes when somebody was told of something, here or on another node.
    pub(crate) novedades: watch::Sender<u64>,
    /// Writes so far.
    pub(crate) escritos: AtomicU64,
}

pub(crate) enum Db {
    Sqlite {
        lectores: SqlitePool,
        writer: SqliteWriter,
    },
    Postgres(PgPool),
}

impl Db {
    fn readers(&self) -> ReadPool {
        match self {
            Self::Sqlite { lectores, .. } => ReadPool::Sqlite(lectores.clone()),
            Self::Postgres(pool) => ReadPool::Postgres(pool.clone()),
        }
    }
}

/// Readers of SQLite. More would only queue for the cores.
const READERS: u32 = 4;
/// How long a request waits for a connection before it is told to come back later.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

impl Store {
    /// Opens (`sqlite:FILE` or `postgres://…`) and migrates the database.
    ///
    /// `conexiones` bounds PostgreSQL's pool; SQLite has one writer and a few readers.
    pub async fn open(url: &str, conexiones: u32, env: Env) -> Result<Self, StoreError> {
        crate::Migrations::all().apply(url).await?;
        Self::open_migrated(url, conexiones, env).await
    }

    async fn open_migrated(url: &str, conexiones: u32, env: Env) -> Result<Self, StoreError> {
        let db = if let Some(archivo) = sqlite_file(url) {
            let opciones = sqlite_options(archivo);
            let lectores = SqlitePoolOptions::new()
                .max_connections(READERS)
                .acquire_timeout(ACQUIRE_TIMEOUT)
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
                writer: SqliteWriter::new(opciones, env.clone())?,
            }
        } else {
            Db::Postgres(
                PgPoolOptions::new()
                    .max_connections(conexiones)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .after_release(|c, _| {
                        Box::pin(async move { Ok(!sqlx::Connection::is_in_transaction(c)) })
                    })
                    .connect_with(postgres_options(url)?)
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
        let session_lookup = SessionLookup::new(db.readers());
        Ok(Self(Arc::new(Inner {
            sequencer: Sequencer::from_db(&db),
            escrituras: Arc::new(Semaphore::new(write_connections(conexiones))),
            db,
            session_lookup,
            env,
            catalogo: RwLock::new(Arc::new(vacio)),
            novedades: watch::Sender::new(0),
            escritos: AtomicU64::new(0),
        })))
    }

    /// A connection for reading. Each statement sees one moment of the database.
    pub async fn read(&self) -> Result<ReadConn, StoreError> {
        self.0.db.readers().acquire().await
    }

    pub fn env(&self) -> &Env {
        &self.0.env
    }

    /// Whether the database answers now.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut lectura = self.read().await?;
        with_conn!(lectura.conn(), c => sqlx::query("SELECT 1").execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Ends the writer and the connections; what was acknowledged is already durable.
    pub async fn close(&self) {
        match &self.0.db {
            Db::Sqlite { lectores, writer } => {
                writer.close().await;
                lectores.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }

    /// `sqlite` or `postgres`, for people.
    pub fn db_kind(&self) -> &'static str {
        match &self.0.db {
            Db::Sqlite { .. } => "sqlite",
            Db::Postgres(_) => "postgres",
        }
    }
}

/// Of so many connections, those that writes may hold at once.
fn write_connections(conexiones: u32) -> usize {
    let para_leer = (conexiones / 4).max(1);
    usize::try_from(conexiones.saturating_sub(para_leer).max(1)).unwrap_or(1)
}

/// The file of a database URL that names SQLite's (`sqlite:FILE`, `sqlite://FILE`); `None` for another
/// database.
pub fn sqlite_file(url: &str) -> Option<&Path> {
    let file = url.strip_prefix("sqlite:")?;
    Some(Path::new(file.strip_prefix("//").unwrap_or(file)))
}

pub(crate) fn sqlite_options(archivo: &Path) -> SqliteConnectOptions {
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
        .pragma("wal_autocheckpoint", MAX_WAL_PAGES.to_string())
        .disable_statement_logging()
}

pub(crate) fn postgres_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let opciones = PgConnectOptions::from_str(url).map_err(|_| {
        StoreError::Esquema("la URL de PostgreSQL no se entiende; escríbala como postgres://usuario:clave@servidor/base".into())
    })?;
    Ok(opciones
        .application_name("sigra")
        // A node that died in the middle must not hold its locks for ever.
        .options([("idle_in_transaction_session_timeout", "60000")])
        .disable_statement_logging())
}
