//! What every handler can reach.

use std::{net::IpAddr, sync::Arc};

use sigra_delivery::DeliveryWorker;
use sigra_domain::{Instante, Zona};
use sigra_files::FileService;
use sigra_store::{Store, reportes::CreateBatcher};
use tokio::sync::watch;

#[cfg(feature = "pdf")]
use crate::reportes::informe::Slots;
use crate::{
    body::MemoryBudget,
    notifications::subscribers::Subscribers,
    passwords::PasswordHasher,
    sync::rate_limit::RateLimiter,
    tokens::{SigningKey, Tokens},
    worker_health::WorkerHealth,
};

/// What the site decides.
pub struct AppOptions {
    /// In which days are counted.
    pub zona: Zona,
    /// Signing keys: the first signs, all verify.
    pub claves: Vec<SigningKey>,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// Whether the cookie is for HTTPS only.
    pub cookie_segura: bool,
    /// Sync calls a minute and session; 0 for no limit.
    pub sync_por_minuto: i64,
    /// Hours without a sync after which a phone counts as silent.
    pub silencio_horas: i64,
}

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    store: Store,
    files: FileService,
    delivery_worker: DeliveryWorker,
    subscribers: Subscribers,
    /// True when the server stops: what does not end by itself ends then.
    shutdown: watch::Sender<bool>,
    entrada: CreateBatcher,
    zona: Zona,
    tokens: Tokens,
    claves: PasswordHasher,
    proxies: Vec<IpAddr>,
    cookie_segura: bool,
    rate_limiter: RateLimiter,
    memory_budget: MemoryBudget,
    silencio_ms: i64,
    workers: WorkerHealth,
    #[cfg(feature = "pdf")]
    pdf_slots: Slots,
}

impl App {
    pub fn new(
        store: Store,
        files: FileService,
        delivery_worker: DeliveryWorker,
        options: AppOptions,
    ) -> Self {
        Self(Arc::new(Inner {
            tokens: Tokens::new(&options.claves),
            claves: PasswordHasher::new(store.env()),
            zona: options.zona,
            proxies: options.proxies,
            cookie_segura: options.cookie_segura,
            rate_limiter: RateLimiter::new(options.sync_por_minuto),
            memory_budget: MemoryBudget::default(),
            silencio_ms: options.silencio_horas.saturating_mul(Instante::HOUR),
            entrada: CreateBatcher::new(store.clone()),
            files,
            delivery_worker,
            subscribers: Subscribers::default(),
            shutdown: watch::Sender::new(false),
            workers: WorkerHealth::default(),
            #[cfg(feature = "pdf")]
            pdf_slots: Slots::default(),
            store,
        }))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The service of files.
    pub fn files(&self) -> &FileService {
        &self.0.files
    }

    /// Who sends to others.
    pub fn delivery_worker(&self) -> &DeliveryWorker {
        &self.0.delivery_worker
    }

    /// How the workers fare that run beside this.
    pub fn worker_health(&self) -> &WorkerHealth {
        &self.0.workers
    }

    /// Places of documents that are being prepared.
    #[cfg(feature = "pdf")]
    pub(crate) fn pdf_slots(&self) -> &Slots {
        &self.0.pdf_slots
    }

    pub(crate) fn subscribers(&self) -> &Subscribers {
        &self.0.subscribers
    }

    pub(crate) fn shutdown_signal(&self) -> watch::Receiver<bool> {
        self.0.shutdown.subscribe()
    }

    pub(crate) fn shut_down(&self) {
        self.0.shutdown.send_replace(true);
    }

    pub(crate) fn create_batcher(&self) -> &CreateBatcher {
        &self.0.entrada
    }

    /// How many passwords were verified since the start, for tests of what a login costs.
    pub fn verification_count(&self) -> u64 {
        self.0.claves.verification_count()
    }

    /// Memory that sync calls hold now, in KiB, for tests of who may hold how much.
    pub fn sync_memory_kib(&self) -> usize {
        self.0.memory_budget.used_kib()
    }

    pub(crate) fn zona(&self) -> &Zona {
        &self.0.zona
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn password_hasher(&self) -> &PasswordHasher {
        &self.0.claves
    }

    pub(crate) fn proxies(&self) -> &[IpAddr] {
        &self.0.proxies
    }

    pub(crate) fn rate_limiters(&self) -> &RateLimiter {
        &self.0.rate_limiter
    }

    /// Memory for the bodies of sync calls.
    pub(crate) fn memory_budget(&self) -> &MemoryBudget {
        &self.0.memory_budget
    }

    pub(crate) fn silence_ms(&self) -> i64 {
        self.0.silencio_ms
    }

    pub(crate) fn secure_cookie(&self) -> bool {
        self.0.cookie_segura
    }
}
