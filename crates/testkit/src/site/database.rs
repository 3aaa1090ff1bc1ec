//! A database for one test, and SQL on it behind the server's back.

use sigra_store::Env;
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

use super::template;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbKind {
    Sqlite,
    Postgres,
}

pub struct TestDb {
    pub motor: DbKind,
    pub url: String,
    dir: Option<TempDir>,
    /// Where PostgreSQL's databases are made and dropped.
    servidor: String,
    nombre: String,
}

/// Somebody else's connection to the database under test.
pub enum DirectConn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl TestDb {
    /// A migrated one. `None` when there is no PostgreSQL; `make test` has said so by then, and fails
    /// in CI.
    pub async fn new(motor: DbKind) -> Option<Self> {
        match motor {
            DbKind::Sqlite => {
                let bd = Self::empty(motor).await?;
                let archivo = bd.dir()?.join("sigra.db");
                std::fs::write(archivo, template::sqlite().await).expect("copia");
                Some(bd)
            }
            DbKind::Postgres => {
                let servidor = postgres_server_url()?;
                let plantilla = template::postgres(&servidor).await;
                Some(Self::create(servidor, &format!("TEMPLATE {plantilla}")).await)
            }
        }
    }

    /// One with nothing in it.
    pub async fn empty(motor: DbKind) -> Option<Self> {
        match motor {
            DbKind::Sqlite => {
                let dir = tempfile::tempdir().expect("directorio");
                let url = format!("sqlite:{}", dir.path().join("sigra.db").display());
                Some(Self {
                    motor,
                    url,
                    dir: Some(dir),
                    servidor: String::new(),
                    nombre: random_name(),
                })
            }
            DbKind::Postgres => Some(Self::on_postgres(postgres_server_url()?).await),
        }
    }

    /// An empty one on a PostgreSQL server in particular.
    pub async fn on_postgres(servidor: String) -> Self {
        Self::create(servidor, "").await
    }

    async fn create(servidor: String, como: &str) -> Self {
        let nombre = random_name();
        let mut c = PgConnection::connect(&servidor).await.expect("PostgreSQL");
        c.execute(sqlx::AssertSqlSafe(format!(
            "CREATE DATABASE {nombre} {como}"
        )))
        .await
        .expect("CREATE DATABASE");
        c.close().await.ok();
        let (base, _) = servidor.rsplit_once('/').expect("URL con base");
        let url = format!("{base}/{nombre}");
        Self {
            motor: DbKind::Postgres,
            url,
            dir: None,
            servidor,
            nombre,
        }
    }

    /// The same database, for a server that others run beside; this one drops it.
    pub fn shared(&self) -> Self {
        Self {
            motor: self.motor,
            url: self.url.clone(),
            dir: None,
            servidor: self.servidor.clone(),
            nombre: self.nombre.clone(),
        }
    }

    pub async fn connect_directly(&self) -> DirectConn {
        match self.motor {
            DbKind::Sqlite => DirectConn::Sqlite(
                SqliteConnection::connect(&self.url)
                    .await
                    .expect("conexión"),
            ),
            DbKind::Postgres => {
                DirectConn::Postgres(PgConnection::connect(&self.url).await.expect("conexión"))
            }
        }
    }

    /// Runs SQL, several statements if need be.
    pub async fn sql(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match self.connect_directly().await {
            DirectConn::Sqlite(mut c) => c.execute(sqlx::raw_sql(sql)).await.map(drop),
            DirectConn::Postgres(mut c) => c.execute(sqlx::raw_sql(sql)).await.map(drop),
        }
    }

    /// From now on this operation (`INSERT`, `UPDATE OF column`, …) on a table fails.
    pub async fn refuse(&self, operation: &str, table: &str) {
        let sql = match self.motor {
            DbKind::Sqlite => format!(
                "CREATE TRIGGER falla BEFORE {operation} ON {table}
                    BEGIN SELECT RAISE(ABORT, 'a propósito'); END"
            ),
            DbKind::Postgres => format!(
                "CREATE FUNCTION falla() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'a propósito'; END $$;
                 CREATE TRIGGER falla BEFORE {operation} ON {table}
                    FOR EACH ROW EXECUTE FUNCTION falla()"
            ),
        };
        self.sql(&sql).await.expect("falla");
    }

    /// What was refused on it goes again.
    pub async fn stop_refusing(&self, table: &str) {
        let sql = match self.motor {
            DbKind::Sqlite => "DROP TRIGGER falla".to_owned(),
            DbKind::Postgres => format!("DROP TRIGGER falla ON {table}; DROP FUNCTION falla"),
        };
        self.sql(&sql).await.expect("sana");
    }

    /// The single integer that a query yields.
    pub async fn query_i64(&self, sql: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match self.connect_directly().await {
            DirectConn::Sqlite(mut c) => sqlx::query_scalar(sql).fetch_one(&mut c).await,
            DirectConn::Postgres(mut c) => sqlx::query_scalar(sql).fetch_one(&mut c).await,
        }
        .expect("consulta")
    }

    /// The texts that a query yields.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match self.connect_directly().await {
            DirectConn::Sqlite(mut c) => sqlx::query_scalar(sql).fetch_all(&mut c).await,
            DirectConn::Postgres(mut c) => sqlx::query_scalar(sql).fetch_all(&mut c).await,
        }
        .expect("consulta")
    }

    /// Whoever wrote a version wrote all that belongs to it.
    pub async fn assert_rows_complete(&self) {
        for (que, sql) in [
            (
                "versión sin entrada",
                "SELECT count(*) FROM reportes r WHERE r.version <> (SELECT count(*) FROM bitacora b WHERE b.reporte_id = r.id)",
            ),
            (
                "versión sin cambio en el feed",
                "SELECT count(*) FROM reportes r WHERE r.version <> (SELECT count(*) FROM cambios c WHERE c.reporte_id = r.id)",
            ),
            (
                "reporte sin contenido aceptado",
                "SELECT count(*) FROM reportes r WHERE NOT EXISTS (SELECT 1 FROM aceptados a WHERE a.reporte_id = r.id)",
            ),
        ] {
            assert_eq!(self.query_i64(sql).await, 0, "{que}");
        }
    }

    /// No connection of the server may sit inside a transaction once its requests have ended.
    pub async fn assert_no_open_transactions(&self) {
        if self.motor == DbKind::Postgres {
            let abiertas =
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'
                AND now() - state_change > interval '1 second'";
            assert_eq!(self.query_i64(abiertas).await, 0, "transacciones abiertas");
        }
        // Would wait for a forgotten writer of SQLite, and fail.
        self.sql("UPDATE catalogo_version SET version = version WHERE id = 1")
            .await
            .expect("la base acepta escrituras");
    }

    pub async fn delete(self) {
        if self.motor == DbKind::Postgres
            && let Ok(mut c) = PgConnection::connect(&self.servidor).await
        {
            let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.nombre);
            c.execute(sqlx::AssertSqlSafe(sql)).await.ok();
        }
        drop(self.dir);
    }

    /// Where SQLite's file lies.
    pub fn dir(&self) -> Option<&std::path::Path> {
        self.dir.as_ref().map(TempDir::path)
    }
}

fn random_name() -> String {
    let azar = u64::from_le_bytes(Env::default().random());
    format!("sigra_prueba_{azar:016x}")
}

/// Set by `scripts/with-postgres`.
pub fn postgres_server_url() -> Option<String> {
    let url = std::env::var("SIGRA_TEST_POSTGRES_URL").ok();
    assert!(
        url.is_some() || std::env::var("CI").as_deref() != Ok("true"),
        "en CI las pruebas necesitan PostgreSQL: use make test"
    );
    url
}
