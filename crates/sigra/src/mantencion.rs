//! What a server does beside its requests: so that readers have little to wait for, and people are told.

use std::time::Duration;

use sigra_domain::{Instante, Zona};
use sigra_store::{
    Store,
    avisos::{Plazos, Salidas},
};
use tokio::time::MissedTickBehavior;

/// How often.
const PULSO: Duration = Duration::from_secs(1);
/// How often it is looked for what did not happen.
const RONDA: Duration = Duration::from_mins(1);

/// A phone that owes reports is looked for after that at the latest, in milliseconds.
const DEUDA: i64 = Instante::DIA;

/// From the settings.
pub(crate) fn plazos(escalar_minutos: u32, archivos_horas: u32, silencio_horas: u32) -> Plazos {
    let silencio = i64::from(silencio_horas) * Instante::HORA;
    Plazos {
        sin_abrir: (escalar_minutos > 0).then(|| i64::from(escalar_minutos) * Instante::MINUTO),
        sin_archivos: i64::from(archivos_horas) * Instante::HORA,
        silencio,
        silencio_con_deuda: silencio.min(DEUDA),
    }
}

/// Tells people of what did not happen in time, every minute, for ever.
pub(crate) async fn vigila(store: Store, plazos: Plazos, zona: Zona, salidas: Salidas) {
    let mut reloj = tokio::time::interval(RONDA);
    reloj.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        reloj.tick().await;
        let hoy = zona.fecha(store.entorno().ahora());
        if let Err(error) = store.alarma(plazos, hoy, salidas).await {
            tracing::warn!(%error, "las alarmas se revisan después");
        }
    }
}

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
