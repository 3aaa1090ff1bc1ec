//! The one write transaction.

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
};

use sigra_domain::Instante;

use crate::{
    Env, FromStoreError, Store, StoreError,
    db::{ACQUIRE_TIMEOUT, Conn, Db},
};

/// Something that is written in one transaction: all of it or nothing.
///
/// It may be run more than once before it is answered (a group of commits that SQLite rolled back, a
/// serialization failure on PostgreSQL), so it takes `&self`, and it does no I/O but on `tx`.
pub trait Write: Send + Sync + 'static {
    type Out: Send + 'static;
    type Err: FromStoreError;

    fn run(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Out, Self::Err>> + Send;
}

/// An open write transaction. Its methods, spread over the modules that own the tables, write the
/// row, the bitácora and the change feed together.
pub struct Tx<'c> {
    pub(crate) conn: Conn<'c>,
    /// The moment of this transaction: every time it writes is this one.
    pub ahora: Instante,
    pub env: &'c Env,
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: Conn<'c>, env: &'c Env) -> Self {
        Self {
            conn,
            ahora: env.now(),
            env,
        }
    }
}

/// How often PostgreSQL may ask for a repetition before the client is told to try later.
const MAX_RETRIES: u32 = 10;

impl Store {
    /// Runs `op` in one transaction and answers once it is durable; an error answers once whatever
    /// it was decided on is durable too. The transaction ends by itself even when the caller is
    /// dropped in the middle.
    pub async fn write<W: Write>(&self, op: W) -> Result<W::Out, W::Err> {
        self.0.escritos.fetch_add(1, Ordering::Relaxed);
        match &self.0.db {
            Db::Sqlite { writer, .. } => writer.write(op).await,
            Db::Postgres(pool) => {
                let slot = Arc::clone(&self.0.escrituras).acquire_owned();
                let slot = tokio::time::timeout(ACQUIRE_TIMEOUT, slot).await;
                let Ok(Ok(slot)) = slot else {
                    return Err(StoreError::NoDisponible(sqlx::Error::PoolTimedOut).into());
                };
                let (pool, env) = (pool.clone(), self.0.env.clone());
                let escritura = async move {
                    let _lugar = slot;
                    on_postgres(&pool, &env, &op).await
                };
                tokio::spawn(escritura).await.unwrap_or_else(|_| {
                    Err(StoreError::Interno("una escritura se interrumpió").into())
                })
            }
        }
    }
}

impl Store {
    /// Writes that this store was asked for: what a request costs is mostly them.
    pub fn write_count(&self) -> u64 {
        self.0.escritos.load(Ordering::Relaxed)
    }
}

/// Only ever awaited in a task of its own: sqlx's `begin` is not safe to cancel on PostgreSQL.
async fn on_postgres<W: Write>(pool: &sqlx::PgPool, env: &Env, op: &W) -> Result<W::Out, W::Err> {
    let mut intento = 0;
    loop {
        intento += 1;
        let mut t = pool.begin().await.map_err(StoreError::from)?;
        let resultado = op.run(&mut Tx::new(Conn::Postgres(&mut t), env)).await;
        let resultado = match resultado {
            Ok(out) => match t.commit().await.map_err(StoreError::from) {
                Ok(()) => return Ok(out),
                Err(e) => Err(W::Err::from(e)),
            },
            Err(e) => {
                // A connection that can't roll back is closed by its pool.
                if let Err(error) = t.rollback().await {
                    tracing::debug!(%error, "rollback");
                }
                Err(e)
            }
        };
        match &resultado {
            Err(e)
                if intento < MAX_RETRIES
                    && matches!(e.store_error(), Some(StoreError::Repetir(_))) => {}
            _ => return resultado,
        }
    }
}
