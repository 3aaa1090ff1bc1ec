//! What can go wrong with the database itself, told apart by what the client can do about it.

use sqlx::error::ErrorKind;

/// A failure that is nobody's mistake in the request.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No space left where the database lives (507).
    #[error("sin espacio para la base de datos: {0}")]
    Lleno(#[source] sqlx::Error),
    /// The database can't be reached or is busy now; the same request may pass later (503).
    #[error("base de datos no disponible: {0}")]
    NoDisponible(#[source] sqlx::Error),
    /// PostgreSQL asks to run the transaction again.
    #[error("transacción en competencia: {0}")]
    Repetir(#[source] sqlx::Error),
    /// A unique constraint was violated; callers that expect it map it, for others it is a defect.
    #[error("valor repetido: {0}")]
    Unico(#[source] sqlx::Error),
    #[error("error de base de datos: {0}")]
    Sql(#[source] sqlx::Error),
    #[error("error interno: {0}")]
    Interno(&'static str),
    #[error("dato guardado ilegible: {0}")]
    Dato(String),
    #[error("{0}")]
    Esquema(String),
}

impl StoreError {
    /// The same for everybody who waited for the same thing; the cause was logged once.
    pub(crate) fn for_waiter(&self) -> Self {
        match self {
            Self::Lleno(_) => Self::Lleno(sqlx::Error::PoolTimedOut),
            Self::NoDisponible(_) | Self::Repetir(_) => {
                Self::NoDisponible(sqlx::Error::PoolTimedOut)
            }
            _ => Self::Interno("falló una lectura compartida"),
        }
    }
}

/// Errors of writes, which may be a [`StoreError`] beneath.
pub trait FromStoreError: From<StoreError> + Send + 'static {
    fn store_error(&self) -> Option<&StoreError>;
}

/// Why a write says no: what its caller may do about it, never the store's own trouble.
pub trait Reason: std::fmt::Debug + Send + 'static {}

/// A write said no, or the store failed beneath it. Nothing was written.
#[derive(Debug)]
pub enum Refused<R> {
    Reason(R),
    Store(StoreError),
}

impl<R: Reason> From<R> for Refused<R> {
    fn from(reason: R) -> Self {
        Self::Reason(reason)
    }
}

impl<R> From<StoreError> for Refused<R> {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}

impl<R> From<sqlx::Error> for Refused<R> {
    fn from(e: sqlx::Error) -> Self {
        Self::Store(e.into())
    }
}

impl<R: Reason> FromStoreError for Refused<R> {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Reason(_) => None,
            Self::Store(e) => Some(e),
        }
    }
}

impl FromStoreError for StoreError {
    fn store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(e: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match &e {
            E::Database(db) => {
                let code = db.code().unwrap_or_default();
                match code.as_ref() {
                    // PostgreSQL: disk_full, and out of memory or connections.
                    "53100" => Self::Lleno(e),
                    "40001" | "40P01" => Self::Repetir(e),
                    c if c.len() == 5
                        && (c.starts_with("08") || c.starts_with("53") || c.starts_with("57P")) =>
                    {
                        Self::NoDisponible(e)
                    }
                    c => match c.parse::<i32>().ok().filter(|_| c.len() < 5) {
                        // SQLite: the low byte is the primary code.
                        Some(n) if n & 0xff == 13 => Self::Lleno(e),
                        // SQLITE_IOERR while growing a file (WRITE 778, FSYNC 1034, TRUNCATE 1546,
                        // SHMSIZE 4874) is how some file systems say that they are full.
                        Some(778 | 1034 | 1546 | 4874) => Self::Lleno(e),
                        // BUSY, LOCKED: another process holds the file.
                        Some(n) if matches!(n & 0xff, 5 | 6) => Self::NoDisponible(e),
                        // CANTOPEN, IOERR: the disk may come back.
                        Some(n) if matches!(n & 0xff, 10 | 14) => Self::NoDisponible(e),
                        _ if db.kind() == ErrorKind::UniqueViolation => Self::Unico(e),
                        _ => Self::Sql(e),
                    },
                }
            }
            E::Io(_)
            | E::Tls(_)
            | E::PoolTimedOut
            | E::PoolClosed
            | E::WorkerCrashed
            | E::Protocol(_) => Self::NoDisponible(e),
            _ => Self::Sql(e),
        }
    }
}
