//! A site that runs: its workers and its listener.

use std::{io, net::TcpListener};

use crate::{
    Services,
    workers::{Worker, all_workers, supervisor::supervise},
};

pub struct Server {
    services: Services,
    workers: Vec<Worker>,
}

impl Server {
    /// With every worker.
    pub fn new(services: Services) -> Self {
        let workers = all_workers(&services);
        Self::with_workers(services, workers)
    }

    pub fn with_workers(services: Services, workers: Vec<Worker>) -> Self {
        Self { services, workers }
    }

    /// Works and answers until `shutdown` ends, then lets requests under way end. The database stays
    /// open.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let direccion = listener.local_addr()?;
        let mut workers = supervise(self.workers, self.services.worker_health());
        let motor = self.services.store().db_kind();
        tracing::info!(%direccion, motor, version = env!("CARGO_PKG_VERSION"), "escuchando");
        let served = self.services.serve(listener, shutdown).await;
        workers.shutdown().await;
        served
    }
}
