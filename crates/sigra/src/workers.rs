//! What a server does beside its requests: so that readers have little to wait for, and people are told.

use std::time::Duration;

use sigra_domain::{Instante, Zona};
use sigra_store::{
    Store,
    notifications::{Channels, EscalationDelays},
};
use tokio::time::MissedTickBehavior;

/// How often.
const TICK: Duration = Duration::from_secs(1);
/// How often it is looked for what did not happen.
const ESCALATION_INTERVAL: Duration = Duration::from_mins(1);

/// A phone that owes reports is looked for after that at the latest, in milliseconds.
const MAX_SILENCE_WITH_PENDING: i64 = Instante::DAY;

/// From the settings.
pub(crate) fn deadlines(
    escalar_minutos: u32,
    archivos_horas: u32,
    silencio_horas: u32,
) -> EscalationDelays {
    let silencio = i64::from(silencio_horas) * Instante::HOUR;
    EscalationDelays {
        sin_abrir: (escalar_minutos > 0).then(|| i64::from(escalar_minutos) * Instante::MINUTE),
        sin_archivos: i64::from(archivos_horas) * Instante::HOUR,
        silencio,
        silencio_con_deuda: silencio.min(MAX_SILENCE_WITH_PENDING),
    }
}

/// Tells people of what did not happen in time, every minute, for ever.
pub(crate) async fn run_escalation(
    store: Store,
    plazos: EscalationDelays,
    zona: Zona,
    salidas: Channels,
) {
    let mut reloj = tokio::time::interval(ESCALATION_INTERVAL);
    reloj.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        reloj.tick().await;
        let hoy = zona.fecha(store.env().now());
        if let Err(error) = store.escalate(plazos, hoy, salidas).await {
            tracing::warn!(%error, "las alarmas se revisan después");
        }
    }
}

/// Gives changes their place in the feed, folds them into the dashboard's counts and tells people of
/// them. It never returns; dropped at any moment it leaves nothing half done.
pub(crate) async fn run_maintenance(store: Store, salidas: Channels) {
    let mut reloj = tokio::time::interval(TICK);
    reloj.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        reloj.tick().await;
        if let Err(error) = store.fan_out_avisos(salidas).await {
            tracing::warn!(%error, "los avisos se reparten después");
        }
        if let Err(error) = store.roll_up_counts().await {
            tracing::warn!(%error, "los conteos del tablero se suman después");
        }
    }
}
