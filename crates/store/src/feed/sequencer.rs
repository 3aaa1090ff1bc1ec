//! The order of the feed on PostgreSQL.
//!
//! Concurrent transactions commit in another order than their rows were numbered in, so a reader that
//! follows those numbers passes rows by that are not committed yet. Here the rows get their position
//! after they are committed, by one sequencer at a time: what has a position is all there is up to it.
//! SQLite's one writer needs none of this and stamps as it writes.

use std::time::Duration;

use sqlx::PgPool;

use crate::{Store, StoreError, batcher::Batcher, db::Db};

/// Of PostgreSQL's advisory lock, for all of SIGRA's nodes on one database ("feed" in ASCII).
const LOCK_ID: i64 = 0x6665_6564;
/// Rows stamped in one transaction.
const CHUNK: i64 = 10_000;
/// How long a reader waits for the stamps.
const STAMP_TIMEOUT: Duration = Duration::from_secs(5);

/// The way to the sequencer; readers that come together share a pass.
pub(crate) struct Sequencer(Batcher<(), Result<(), StoreError>>);

impl Sequencer {
    /// `None` where the writer stamps by itself.
    pub(crate) fn from_db(db: &Db) -> Option<Self> {
        match db {
            Db::Postgres(pool) => Some(Self::new(pool.clone())),
            Db::Sqlite { .. } => None,
        }
    }

    fn new(pool: PgPool) -> Self {
        Self(Batcher::new(move |requests: Vec<()>| {
            let pool = pool.clone();
            async move {
                match stamp(&pool).await {
                    Ok(()) => requests.iter().map(|()| Ok(())).collect(),
                    Err(failure) => {
                        tracing::warn!(%failure, "no se pudo ordenar el registro de cambios");
                        requests
                            .iter()
                            .map(|()| Err(failure.for_waiter()))
                            .collect()
                    }
                }
            }
        }))
    }
}

impl Store {
    /// Gives every change that is committed now its position; to be called before the feed is read,
    /// and now and then, so that no reader has much to wait for.
    pub async fn sequence_changes(&self) -> Result<(), StoreError> {
        let Some(sequencer) = &self.0.sequencer else {
            return Ok(());
        };
        tokio::time::timeout(STAMP_TIMEOUT, sequencer.0.submit(()))
            .await
            .map_err(|_| StoreError::NoDisponible(sqlx::Error::PoolTimedOut))?
            .unwrap_or(Err(StoreError::Interno(
                "el orden de los cambios se interrumpió",
            )))
    }
}

async fn stamp(pool: &PgPool) -> Result<(), StoreError> {
    loop {
        // In the order of the index of those that have none: an EXISTS would be planned by statistics,
        // and those made while many had none lead to a walk over the whole table.
        let una: Option<i64> =
            sqlx::query_scalar("SELECT id FROM cambios WHERE posicion IS NULL ORDER BY id LIMIT 1")
                .fetch_optional(pool)
                .await?;
        if una.is_none() || stamp_chunk(pool).await? < CHUNK.unsigned_abs() {
            return Ok(());
        }
    }
}

async fn stamp_chunk(pool: &PgPool) -> Result<u64, StoreError> {
    let mut t = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK_ID)
        .execute(&mut *t)
        .await?;
    // A statement of its own: it sees what whoever held the lock before has stamped. A report's
    // versions are numbered in their order, since its row was locked between them.
    let selladas = sqlx::query(
        "UPDATE cambios c SET posicion = n.posicion FROM (
            SELECT s.id, (SELECT coalesce(max(posicion), 0) FROM cambios)
                + row_number() OVER (ORDER BY s.id) AS posicion
            FROM (SELECT id FROM cambios WHERE posicion IS NULL ORDER BY id LIMIT $1) s) n
         WHERE c.id = n.id",
    )
    .bind(CHUNK)
    .execute(&mut *t)
    .await?;
    t.commit().await?;
    Ok(selladas.rows_affected())
}
