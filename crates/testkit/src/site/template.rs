//! Migrated databases of which tests get copies: a copy costs a tenth of all migrations.

use sigra_domain::sha256_hex;
use sigra_store::Migrations;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use tokio::sync::OnceCell;

/// Who makes the template holds this advisory lock.
const LOCK_ID: i64 = 0x5167_7261_7465_7374;

/// The bytes of SQLite's file.
pub(super) async fn sqlite() -> &'static [u8] {
    static BYTES: OnceCell<Vec<u8>> = OnceCell::const_new();
    let migrate = async || {
        let dir = tempfile::tempdir().expect("directorio");
        let archivo = dir.path().join("plantilla.db");
        let url = format!("sqlite:{}", archivo.display());
        Migrations::all().apply(&url).await.expect("migra");
        // The log into the file, which alone is copied.
        let mut c = SqliteConnection::connect(&url).await.expect("conexión");
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            .await
            .expect("checkpoint");
        c.close().await.expect("cierra");
        std::fs::read(archivo).expect("plantilla")
    };
    BYTES.get_or_init(migrate).await
}

/// The name of the database on this server. Test processes that run at once share it: its name
/// says what the migrations are.
pub(super) async fn postgres(servidor: &str) -> &'static str {
    static NAME: OnceCell<String> = OnceCell::const_new();
    let migrate = async || {
        let sql: String = Migrations::all().postgres_sql().collect();
        let nombre = format!("sigra_plantilla_{}", &sha256_hex(sql.as_bytes())[..16]);
        let mut c = PgConnection::connect(servidor).await.expect("PostgreSQL");
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(LOCK_ID)
            .execute(&mut c)
            .await
            .expect("candado");
        let hay = "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)";
        let hay: bool = sqlx::query_scalar(hay)
            .bind(&nombre)
            .fetch_one(&mut c)
            .await
            .expect("pg_database");
        if !hay {
            create(&mut c, servidor, &nombre).await;
        }
        // The lock goes with its connection.
        c.close().await.ok();
        nombre
    };
    NAME.get_or_init(migrate).await
}

/// Under another name until it is whole. Then nobody may connect to it: a database that somebody
/// uses can't be copied.
async fn create(c: &mut PgConnection, servidor: &str, nombre: &str) {
    let a_medias = format!("{nombre}_a_medias");
    let mut run = async |sql: String| {
        c.execute(AssertSqlSafe(sql)).await.expect("plantilla");
    };
    run(format!("DROP DATABASE IF EXISTS {a_medias} WITH (FORCE)")).await;
    run(format!("CREATE DATABASE {a_medias}")).await;
    let (base, _) = servidor.rsplit_once('/').expect("URL con base");
    let migrado = Migrations::all().apply(&format!("{base}/{a_medias}")).await;
    migrado.expect("migra");
    run(format!("ALTER DATABASE {a_medias} ALLOW_CONNECTIONS false")).await;
    // Waits for the connection of the migration to be gone.
    run(format!("ALTER DATABASE {a_medias} RENAME TO {nombre}")).await;
}
