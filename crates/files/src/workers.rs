//! What a server does beside answering.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::FileService;

/// How often somebody looks for photos that another server received.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// How long the store or the database is left alone when it failed.
const RETRY_DELAY: Duration = Duration::from_secs(5);
/// How often files whose server fell are given to their reports.
const ADOPT_INTERVAL: Duration = Duration::from_mins(1);
/// How often what nobody needs is taken away.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);

impl FileService {
    /// Never ends; to be stopped whenever one likes.
    pub async fn run(self) {
        tokio::join!(
            self.make_all_previews(),
            self.adopt_loop(),
            self.sweep_loop()
        );
    }

    async fn make_all_previews(&self) {
        loop {
            // Before the look, so that what comes during it is not overlooked.
            let aviso = self.0.llegadas.notified();
            match self.make_previews().await {
                Ok(true) => {}
                Ok(false) => {
                    tokio::select! {
                        () = aviso => {}
                        () = sleep(POLL_INTERVAL) => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "las vistas se intentan de nuevo");
                    sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    async fn adopt_loop(&self) {
        let mut clock = interval(ADOPT_INTERVAL);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            clock.tick().await;
            match self.adopt_pending().await {
                Ok(0) => {}
                Ok(archivos) => tracing::info!(archivos, "archivos que esperaban a su reporte"),
                Err(error) => tracing::warn!(%error, "los archivos atrasados se intentan de nuevo"),
            }
        }
    }

    async fn sweep_loop(&self) {
        // Not at once: a server that is started again and again has better things to do.
        let mut clock = tokio::time::interval_at(Instant::now() + SWEEP_INTERVAL, SWEEP_INTERVAL);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            clock.tick().await;
            match self.sweep(false).await {
                Ok(done) => tracing::debug!(?done, "barrido de archivos"),
                Err(error) => tracing::warn!(%error, "el barrido de archivos se intenta de nuevo"),
            }
        }
    }
}
