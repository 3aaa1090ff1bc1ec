//! A hint that somebody was told of something, so that those who wait look at once; the tables say what.
//!
//! On PostgreSQL the other nodes hear it too (NOTIFY). It is sent after the commit, once for many changes:
//! inside the transaction it would make all writers queue for one lock.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::watch;

use crate::{Store, StoreError, db::Db};

const CHANNEL: &str = "sigra_novedades";
/// After the connection broke.
const RETRY_DELAY: Duration = Duration::from_secs(1);

impl Store {
    /// Changes with every hint.
    pub fn wakeups(&self) -> watch::Receiver<u64> {
        self.0.novedades.subscribe()
    }

    /// To be called after the commit.
    pub(crate) async fn send_wakeup(&self) {
        self.0.novedades.send_modify(|n| *n += 1);
        if let Db::Postgres(pool) = &self.0.db {
            let avisa = sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL);
            if let Err(error) = avisa.execute(pool).await {
                tracing::debug!(%error, "los otros nodos lo verán al mirar");
            }
        }
    }

    /// Hears the other nodes' hints, for ever.
    pub async fn listen_for_wakeups(&self) {
        let Db::Postgres(pool) = &self.0.db else {
            return std::future::pending().await;
        };
        loop {
            if let Err(error) = self.listen(pool).await {
                tracing::debug!(%error, "sin las señales de los otros nodos");
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    async fn listen(&self, pool: &sqlx::PgPool) -> Result<(), StoreError> {
        // A connection of its own: it is held for ever.
        let opciones = (*pool.connect_options()).clone();
        let propio = PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(opciones);
        let mut oye = PgListener::connect_with(&propio).await?;
        oye.listen(CHANNEL).await?;
        // What was said while nobody heard.
        self.0.novedades.send_modify(|n| *n += 1);
        loop {
            // `None`: it was lost, and is there again at the next call.
            oye.try_recv().await?;
            self.0.novedades.send_modify(|n| *n += 1);
        }
    }
}
