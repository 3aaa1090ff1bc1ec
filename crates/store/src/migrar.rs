//! Migrations, embedded in the binary and numbered alike for both databases.

use std::{borrow::Cow, fs::File};

use sqlx::{
    ConnectOptions as _, Connection as _,
    migrate::{MigrateError, Migrator},
};

use crate::{
    Fallo,
    db::{archivo_sqlite, opciones_postgres, opciones_sqlite},
};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The newest schema that this binary knows.
pub const VERSION_ESQUEMA: i64 = 10;

/// The migrations up to a version.
#[derive(Clone, Copy, Debug)]
pub struct Migraciones {
    hasta: i64,
}

impl Migraciones {
    pub fn todas() -> Self {
        Self {
            hasta: VERSION_ESQUEMA,
        }
    }

    /// As a binary of an earlier version would migrate; for tests of upgrades.
    pub fn hasta(version: i64) -> Self {
        Self { hasta: version }
    }

    /// Brings the database to this version. Of several servers that start at once one migrates and
    /// the others wait. A database from a newer SIGRA is refused.
    pub async fn aplicar(self, url: &str) -> Result<(), Fallo> {
        if let Some(archivo) = archivo_sqlite(url) {
            // SQLite's migrations take no lock of their own.
            let candado = archivo.with_extension("migracion");
            let candado = tokio::task::spawn_blocking(move || -> std::io::Result<File> {
                let f = File::options().create(true).append(true).open(candado)?;
                f.lock()?;
                Ok(f)
            })
            .await
            .map_err(|_| Fallo::Interno("la migración se interrumpió"))?
            .map_err(|e| Fallo::NoDisponible(sqlx::Error::Io(e)))?;
            let mut conn = opciones_sqlite(&archivo).connect().await?;
            let resultado = self.de(&SQLITE).run_direct(None, &mut conn, false).await;
            conn.close().await?;
            drop(candado);
            resultado.map_err(fallo)
        } else {
            // On PostgreSQL the migrator holds an advisory lock.
            let mut conn = opciones_postgres(url)?.connect().await?;
            let resultado = self.de(&POSTGRES).run_direct(None, &mut conn, false).await;
            conn.close().await?;
            resultado.map_err(fallo)
        }
    }

    fn de(self, todas: &Migrator) -> Migrator {
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

fn fallo(e: MigrateError) -> Fallo {
    match e {
        MigrateError::VersionMissing(v) => Fallo::Esquema(format!(
            "la base de datos es de una versión más nueva de SIGRA (esquema {v}; este programa conoce hasta el {VERSION_ESQUEMA}); use el programa nuevo"
        )),
        MigrateError::VersionMismatch(v) => Fallo::Esquema(format!(
            "la migración {v} aplicada a la base de datos no es la de este programa; use el programa con que se creó"
        )),
        MigrateError::Dirty(v) => Fallo::Esquema(format!(
            "la migración {v} quedó a medias; restaure el respaldo anterior a ella"
        )),
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => e.into(),
        otro => Fallo::Esquema(format!("no se pudo migrar la base de datos: {otro}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{POSTGRES, SQLITE, VERSION_ESQUEMA};

    #[test]
    fn both_databases_have_the_same_migrations() {
        let names = |m: &sqlx::migrate::Migrator| -> Vec<_> {
            m.iter()
                .map(|m| (m.version, m.description.to_string()))
                .collect()
        };
        assert_eq!(names(&SQLITE), names(&POSTGRES));
        assert_eq!(
            SQLITE.iter().map(|m| m.version).max(),
            Some(VERSION_ESQUEMA)
        );
    }
}
