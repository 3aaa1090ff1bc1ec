//! What a server does beside its requests: so that readers have little to wait for, and people are told.

use std::time::Duration;

use sigra_store::{Store, avisos::Salidas};
use tokio::time::MissedTickBehavior;

/// How often.
const PULSO: Duration = Duration::from_secs(1);

/// Gives changes their place in the feed, folds them into the dashboard's counts and tells people of
/// them. It never returns; dropped at any moment it leaves nothing half done.
pub(crate) async fn mantiene(store: Store, salidas: Salidas) {
    let mut reloj = tokio::time::interval(PULSO);
    reloj.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        reloj.tick().await;
        if let Err(error) = store.reparte_avisos(salidas).await {
            tracing::warn!(%error, "los avisos se reparten después");
        }
        if let Err(error) = store.pliega_conteos().await {
            tracing::warn!(%error, "los conteos del tablero se suman después");
        }
    }
}
