//! All parts of a site, open and wired to each other.

use std::{io, net::TcpListener, time::Duration};

use sigra_api::{App, WorkerHealth};
use sigra_delivery::DeliveryWorker;
use sigra_domain::Zona;
use sigra_files::FileService;
use sigra_store::{Env, Store, notifications::EscalationDelays};

use crate::{OpenError, Settings};

/// How long the database may take to close: what was acknowledged is durable already.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Cheap to clone. Nothing runs until [`Server::run`](crate::Server::run) or [`Services::serve`].
#[derive(Clone)]
pub struct Services {
    app: App,
    zona: Zona,
    delays: EscalationDelays,
}

impl Services {
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        Self::open_with(settings, Env::default()).await
    }

    /// The same with a clock and a randomness of the caller's, which no setting can give.
    pub async fn open_with(settings: Settings, env: Env) -> Result<Self, OpenError> {
        let store = settings.database.open_with(env).await?;
        let files = settings.files.open(store.clone())?;
        let delivery = settings.delivery.open(store.clone()).await?;
        let zona = settings.app.zona.clone();
        let delays = settings.escalation.delays(settings.app.silencio_horas);
        Ok(Self {
            app: App::new(store, files, delivery, settings.app),
            zona,
            delays,
        })
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn store(&self) -> &Store {
        self.app.store()
    }

    pub fn files(&self) -> &FileService {
        self.app.files()
    }

    pub fn delivery_worker(&self) -> &DeliveryWorker {
        self.app.delivery_worker()
    }

    /// How the workers fare; all is well while none runs.
    pub fn worker_health(&self) -> &WorkerHealth {
        self.app.worker_health()
    }

    /// In which days are counted.
    pub(crate) fn zona(&self) -> &Zona {
        &self.zona
    }

    pub(crate) fn escalation_delays(&self) -> EscalationDelays {
        self.delays
    }

    /// Answers requests until `shutdown` ends, without workers: for tests, which do the workers' steps
    /// when they want them done.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        sigra_api::serve(listener, self.app.clone(), shutdown).await
    }

    /// Closes the database.
    pub async fn close(&self) {
        let closing = tokio::time::timeout(CLOSE_TIMEOUT, self.store().close());
        if closing.await.is_err() {
            tracing::warn!("la base de datos tardó en cerrarse");
        }
    }
}
