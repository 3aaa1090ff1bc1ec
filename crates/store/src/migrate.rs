//! Migrations, embedded in the binary and numbered alike for both databases.

use std::fs::File;

use sqlx::{
    ConnectOptions as _, Connection as _, SqlStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::{
    StoreError,
    db::{postgres_options, sqlite_file, sqlite_options},
};

/// A step of the schema in both dialects.
struct Step {
    /// Of its files: a number and a word.
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! steps {
    ($($name:literal,)+) => {
        &[$(Step {
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        },)+]
    };
}

/// In their order; the number of each is its place.
const STEPS: &[Step] = steps![
    "0001_inicio",
    "0002_sync",
    "0003_multimedia",
    "0004_huellas",
    "0005_conteos",
    "0006_avisos",
    "0007_comentarios",
    "0008_entregas",
    "0009_alarmas",
    "0010_acciones",
];

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
                .migrator(|step| step.sqlite)
                .run_direct(None, &mut conn, false)
                .await;
            conn.close().await?;
            drop(lock);
            resultado.map_err(from_migrate_error)
        } else {
            // On PostgreSQL the migrator holds an advisory lock.
            let mut conn = postgres_options(url)?.connect().await?;
            let resultado = self
                .migrator(|step| step.postgres)
                .run_direct(None, &mut conn, false)
                .await;
            conn.close().await?;
            resultado.map_err(from_migrate_error)
        }
    }

    /// The texts for PostgreSQL, by which one knows a database that was made of them.
    pub fn postgres_sql(self) -> impl Iterator<Item = &'static str> {
        self.steps().map(|(_, step)| step.postgres)
    }

    /// With their numbers.
    fn steps(self) -> impl Iterator<Item = (i64, &'static Step)> {
        (1..=self.hasta).zip(STEPS)
    }

    fn migrator(self, dialect: fn(&Step) -> &'static str) -> Migrator {
        let migrations = self.steps().map(|(version, step)| {
            let description = step.name.get(5..).unwrap_or_default().into();
            let sql = SqlStr::from_static(dialect(step));
            Migration::new(version, description, MigrationType::Simple, sql, false)
        });
        Migrator {
            migrations: migrations.collect(),
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
    use super::{SCHEMA_VERSION, STEPS};

    #[test]
    fn both_databases_have_the_same_migrations() {
        let names: Vec<String> = STEPS.iter().map(|s| format!("{}.sql", s.name)).collect();
        for (i, name) in (1..).zip(&names) {
            assert!(name.starts_with(&format!("{i:04}_")), "{name}");
        }
        for dialect in ["sqlite", "postgres"] {
            let dir = format!("{}/migrations/{dialect}", env!("CARGO_MANIFEST_DIR"));
            let files = std::fs::read_dir(dir).unwrap();
            let files = files.map(|f| f.unwrap().file_name().into_string().unwrap());
            let mut files: Vec<String> = files.collect();
            files.sort();
            assert_eq!(files, names, "{dialect}");
        }
        assert_eq!(i64::try_from(STEPS.len()), Ok(SCHEMA_VERSION));
    }
}
