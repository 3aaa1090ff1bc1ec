//! Gives changes their place in the feed, tells people of them and folds them into the dashboard's counts.

use std::time::Duration;

use sigra_store::{Store, notifications::Channels};
use tokio::time::MissedTickBehavior;

const INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn run(store: Store, channels: Channels) {
    let mut clock = tokio::time::interval(INTERVAL);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        if let Err(error) = store.fan_out_avisos(channels).await {
            tracing::warn!(%error, "los avisos se reparten después");
        }
        if let Err(error) = store.roll_up_counts().await {
            tracing::warn!(%error, "los conteos del tablero se suman después");
        }
    }
}
