//! Removes rows that are over: sessions, idempotency keys, what the limits on logins remember.

use std::time::Duration;

use sigra_store::Store;

const INTERVAL: Duration = Duration::from_hours(1);

pub(super) async fn run(store: Store) {
    let mut clock = tokio::time::interval(INTERVAL);
    loop {
        clock.tick().await;
        match store.purge().await {
            Ok(filas) => tracing::debug!(filas, "limpieza"),
            Err(error) => tracing::warn!(%error, "la limpieza falló; se repite en una hora"),
        }
    }
}
