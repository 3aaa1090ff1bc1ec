//! The phone's file: one SQLite database, made to survive a battery that dies at any moment.

use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::Error;

/// The schema's number, in `PRAGMA user_version`.
const VERSION: i64 = 2;

/// `queue`: own reports, sent or not. `archivos`: their files. `vistos`: the mirror of what the server shows this person.
/// `ledger`: what the server acknowledged, never changed.
/// `notas`: small things by name.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS notas (clave TEXT PRIMARY KEY, valor TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS cola (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid_cliente TEXT NOT NULL UNIQUE,
    hora_creado TEXT NOT NULL,
    fecha_reporte TEXT,
    base TEXT,
    en_vuelo TEXT,
    parche TEXT,
    aparte TEXT,
    aplazos INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS cola_pendientes ON cola (aplazos, n)
    WHERE aparte IS NULL AND (en_vuelo IS NOT NULL OR parche IS NOT NULL);
CREATE TABLE IF NOT EXISTS vistos (
    id INTEGER PRIMARY KEY,
    uuid_cliente TEXT NOT NULL,
    version INTEGER NOT NULL,
    json TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS vistos_uuid ON vistos (uuid_cliente);
CREATE TABLE IF NOT EXISTS libro (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid_cliente TEXT NOT NULL,
    sha256_contenido TEXT NOT NULL,
    resultado TEXT NOT NULL,
    id INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS libro_no_cambia BEFORE UPDATE ON libro
    BEGIN SELECT RAISE(ABORT, 'el libro no se cambia'); END;
CREATE TRIGGER IF NOT EXISTS libro_no_se_borra BEFORE DELETE ON libro
    BEGIN SELECT RAISE(ABORT, 'el libro no se borra'); END;
CREATE TABLE IF NOT EXISTS archivos (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid_cliente TEXT NOT NULL UNIQUE,
    reporte_uuid TEXT NOT NULL,
    ruta TEXT NOT NULL,
    json TEXT NOT NULL,
    enviado INTEGER NOT NULL DEFAULT 0,
    aplazos INTEGER NOT NULL DEFAULT 0,
    problema TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS archivos_pendientes ON archivos (aplazos, n)
    WHERE NOT enviado AND problema IS NULL;
PRAGMA user_version = 2;
";

/// Opens the file, made when it is not there. One connection: a phone does one thing at a time.
pub(crate) async fn open(archivo: &Path) -> Result<SqlitePool, Error> {
    let options = SqliteConnectOptions::new()
        .filename(archivo)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging();
    let db = SqlitePoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    let mut tx = db.begin().await?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *tx)
        .await?;
    if version > VERSION {
        let causa = format!("es de una versión más nueva ({version})");
        return Err(Error::Dato(causa));
    }
    if version < VERSION {
        sqlx::raw_sql(SCHEMA).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(db)
}

/// Small things kept by name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NamedValue {
    AccessToken,
    RefreshToken,
    /// Whose reports these are.
    Rut,
    /// How far the pull came; absent at the start.
    Cursor,
    /// JSON of `/catalogos`.
    Catalogos,
    /// There when the server's memory is in doubt.
    PorReconciliar,
}

impl NamedValue {
    fn key(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
            Self::Rut => "rut",
            Self::Cursor => "cursor",
            Self::Catalogos => "catalogos",
            Self::PorReconciliar => "por_reconciliar",
        }
    }

    pub(crate) async fn read(self, c: &mut SqliteConnection) -> Result<Option<String>, Error> {
        let value = sqlx::query_scalar("SELECT valor FROM notas WHERE clave = $1")
            .bind(self.key())
            .fetch_optional(c)
            .await?;
        Ok(value)
    }

    pub(crate) async fn set(self, c: &mut SqliteConnection, value: &str) -> Result<(), Error> {
        sqlx::query("INSERT OR REPLACE INTO notas (clave, valor) VALUES ($1, $2)")
            .bind(self.key())
            .bind(value)
            .execute(c)
            .await?;
        Ok(())
    }

    pub(crate) async fn remove(self, c: &mut SqliteConnection) -> Result<(), Error> {
        sqlx::query("DELETE FROM notas WHERE clave = $1")
            .bind(self.key())
            .execute(c)
            .await?;
        Ok(())
    }
}
