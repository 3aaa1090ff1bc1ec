//! Migrations, embedded in the binary and numbered alike for both databases.

use std::{borrow::Cow, fs::File};

use sqlx::{
    ConnectOptions as _, Connection as _,
    migrate::{MigrateError, Migrator},
};

use crate::{
    StoreError,
    db::{postgres_options, sqlite_file, sqlite_options},
};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The newest schema that this binary knows.
pub const SCHEMA_VERSION: i64 = 10;

/// The migrations up to a version.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    hasta: i64,
}

impl Migrations {
    pub fn all() -> Self {
        Self {
            hasta: SCHEMA_VERSION,
        }
    }

    /// As a binary of an earlier version would migrate; for tests of upgrades.
    pub fn up_to(version: i64) -> Self {
        Self { hasta: version }
    }

    /// Brings the database to this version. Of several servers that start at once one migrates and
    /// the others wait. A database from a newer SIGRA is refused.
    pub async fn apply(self, url: &str) -> Result<(), StoreError> {
        if let Some(archivo) = sqlite_file(url) {
            // SQLite's migrations take no lock of their own.
            let lock = archivo.with_extension("migracion");
            let lock = tokio::task::spawn_blocking(move || -> std::io::Result<File> {
                let f = File::options().create(true).append(true).open(lock)?;
                f.lock()?;
                Ok(f)
            })
            .await
            .map_err(|_| StoreError::Interno("la migración se interrumpió"))?
            .map_err(|e| StoreError::NoDisponible(sqlx::Error::Io(e)))?;
            let mut conn = sqlite_options(archivo).connect().await?;
            let resultado = self
                .select(&SQLITE)
                .run_direct(None, &mut conn, false)
                .await;
            conn.close().await?;
            drop(lock);
            resultado.map_err(from_migrate_error)
        } else {
            // On PostgreSQL the migrator holds an advisory lock.
            let mut conn = postgres_options(url)?.connect().await?;
            let resultado = self
                .select(&POSTGRES)
                .run_direct(None, &mut conn, false)
                .await;
            conn.close().await?;
            resultado.map_err(from_migrate_error)
        }
    }

    fn select(self, todas: &Migrator) -> Migrator {
        let migrations: Vec<_> = todas
            .iter()
            .filter(|m| m.version <= self.hasta)
            .cloned()
            .collect();
        Migrator {
            migrations: Cow::Owned(migrations),
            ..Migrator::DEFAULT
        }
    }
}

fn from_migrate_error(e: MigrateError) -> StoreError {
    match e {
        MigrateError::VersionMissing(v) => StoreError::Esquema(format!(
            "la base de datos es de una versión más nueva de SIGRA (esquema {v}; este programa conoce hasta el {SCHEMA_VERSION}); use el programa nuevo"
        )),
        MigrateError::VersionMismatch(v) => StoreError::Esquema(format!(
            "la migración {v} aplicada a la base de datos no es la de este programa; use el programa con que se creó"
        )),
        MigrateError::Dirty(v) => StoreError::Esquema(format!(
            "la migración {v} quedó a medias; restaure el respaldo anterior a ella"
        )),
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => e.into(),
        otro => StoreError::Esquema(format!("no se pudo migrar la base de datos: {otro}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{POSTGRES, SCHEMA_VERSION, SQLITE};

    #[test]
    fn both_databases_have_the_same_migrations() {
        let names = |m: &sqlx::migrate::Migrator| -> Vec<_> {
            m.iter()
                .map(|m| (m.version, m.description.to_string()))
                .collect()
        };
        assert_eq!(names(&SQLITE), names(&POSTGRES));
        assert_eq!(SQLITE.iter().map(|m| m.version).max(), Some(SCHEMA_VERSION));
    }
}
