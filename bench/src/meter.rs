//! What is read before a round and after it: processor time and bytes of the database's log.

use sqlx::{Connection as _, PgConnection};

use crate::{
    Error,
    database::{Database, Engine},
    process_cpu, real,
    run::Round,
    wal::WalMeter,
};

pub enum Meter {
    Sqlite(WalMeter),
    /// With the process of which the others are children, when it runs here.
    Postgres(PgConnection, Option<u32>),
}

impl Meter {
    pub async fn open(database: &Database) -> Result<Self, Error> {
        if database.engine == Engine::Sqlite {
            return Ok(Self::Sqlite(WalMeter::new(&database.name)));
        }
        let mut conn = PgConnection::connect(&database.url).await?;
        let backend = sqlx::query_scalar("SELECT pg_backend_pid()");
        let backend: i32 = backend.fetch_one(&mut conn).await?;
        let postmaster = process_cpu::postmaster(backend.try_into()?);
        Ok(Self::Postgres(conn, postmaster))
    }

    pub async fn read(&mut self, server: u32) -> Result<Round, Error> {
        let (log, postgres) = match self {
            Self::Sqlite(wal) => (wal.bytes().await, None),
            Self::Postgres(conn, postmaster) => {
                let lsn = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
                let lsn: i64 = sqlx::query_scalar(lsn).fetch_one(conn).await?;
                (lsn.try_into()?, postmaster.and_then(process_cpu::family_us))
            }
        };
        let mut read = Round::from([("log_bytes", real(log))]);
        read.extend(process_cpu::process_us(server).map(|us| ("cpu_sigra_us", us)));
        read.extend(postgres.map(|us| ("cpu_postgres_us", us)));
        Ok(read)
    }
}
