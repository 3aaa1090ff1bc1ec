//! What a server does beside answering.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::Evidencia;

/// How often somebody looks for photos that another server received.
const MIRADA: Duration = Duration::from_secs(10);
/// How long the store or the database is left alone when it failed.
const PAUSA: Duration = Duration::from_secs(5);
/// How often files whose server fell are given to their reports.
const ADOPCION: Duration = Duration::from_mins(1);
/// How often what nobody needs is taken away.
const BARRIDO: Duration = Duration::from_hours(1);

impl Evidencia {
    /// Never ends; to be stopped whenever one likes.
    pub async fn trabaja(self) {
        tokio::join!(
            self.hace_todas_las_vistas(),
            self.adopta_siempre(),
            self.barre_siempre()
        );
    }

    async fn hace_todas_las_vistas(&self) {
        loop {
            // Before the look, so that what comes during it is not overlooked.
            let aviso = self.0.llegadas.notified();
            match self.hace_vistas().await {
                Ok(true) => {}
                Ok(false) => {
                    tokio::select! {
                        () = aviso => {}
                        () = sleep(MIRADA) => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "las vistas se intentan de nuevo");
                    sleep(PAUSA).await;
                }
            }
        }
    }

    async fn adopta_siempre(&self) {
        let mut reloj = interval(ADOPCION);
        reloj.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            reloj.tick().await;
            match self.adopta_atrasadas().await {
                Ok(0) => {}
                Ok(archivos) => tracing::info!(archivos, "archivos que esperaban a su reporte"),
                Err(error) => tracing::warn!(%error, "los archivos atrasados se intentan de nuevo"),
            }
        }
    }

    async fn barre_siempre(&self) {
        // Not at once: a server that is started again and again has better things to do.
        let mut reloj = tokio::time::interval_at(Instant::now() + BARRIDO, BARRIDO);
        reloj.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            reloj.tick().await;
            match self.barre(false).await {
                Ok(hecho) => tracing::debug!(?hecho, "barrido de archivos"),
                Err(error) => tracing::warn!(%error, "el barrido de archivos se intenta de nuevo"),
            }
        }
    }
}
