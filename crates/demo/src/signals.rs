//! The wish to stop: Ctrl-C, or SIGTERM where there is such a thing.

use crate::error::DemoError;

pub(super) struct InterruptSignal {
    #[cfg(unix)]
    termina: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrumpe: tokio::signal::unix::Signal,
}

impl InterruptSignal {
    /// From here on the process does not die of them by itself.
    pub(super) fn new() -> Result<Self, DemoError> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let escucha =
                |clase| signal(clase).map_err(|e| DemoError::Interno(format!("señales: {e}")));
            Ok(Self {
                termina: escucha(SignalKind::terminate())?,
                interrumpe: escucha(SignalKind::interrupt())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    pub(super) async fn recv(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.termina.recv() => {}
            _ = self.interrumpe.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
