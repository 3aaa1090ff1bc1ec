//! Tells people of what did not happen in time.

use std::time::Duration;

use sigra_domain::Zona;
use sigra_store::{
    Store,
    notifications::{Channels, EscalationDelays},
};
use tokio::time::MissedTickBehavior;

const INTERVAL: Duration = Duration::from_mins(1);

pub(super) async fn run(store: Store, delays: EscalationDelays, zona: Zona, channels: Channels) {
    let mut clock = tokio::time::interval(INTERVAL);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let today = zona.fecha(store.env().now());
        if let Err(error) = store.escalate(delays, today, channels).await {
            tracing::warn!(%error, "las alarmas se revisan después");
        }
    }
}
