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
    evidencia: FileService,
    cartero: DeliveryWorker,
    oyentes: Subscribers,
    /// True when the server stops: what does not end by itself ends then.
    cierre: watch::Sender<bool>,
    entrada: CreateBatcher,
    zona: Zona,
    tokens: Tokens,
    claves: PasswordHasher,
    proxies: Vec<IpAddr>,
    cookie_segura: bool,
    frenos: RateLimiter,
    presupuesto: MemoryBudget,
    silencio_ms: i64,
    trabajos: WorkerHealth,
    #[cfg(feature = "pdf")]
    informes: Slots,
}

impl App {
    pub fn new(
        store: Store,
        evidencia: FileService,
        cartero: DeliveryWorker,
        opciones: AppOptions,
    ) -> Self {
        Self(Arc::new(Inner {
            tokens: Tokens::new(&opciones.claves),
            claves: PasswordHasher::new(store.env()),
            zona: opciones.zona,
            proxies: opciones.proxies,
            cookie_segura: opciones.cookie_segura,
            frenos: RateLimiter::new(opciones.sync_por_minuto),
            presupuesto: MemoryBudget::default(),
            silencio_ms: opciones.silencio_horas.saturating_mul(Instante::HOUR),
            entrada: CreateBatcher::new(store.clone()),
            evidencia,
            cartero,
            oyentes: Subscribers::default(),
            cierre: watch::Sender::new(false),
            trabajos: WorkerHealth::default(),
            #[cfg(feature = "pdf")]
            informes: Slots::default(),
            store,
        }))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The service of files.
    pub fn files(&self) -> &FileService {
        &self.0.evidencia
    }

    /// Who sends to others.
    pub fn delivery_worker(&self) -> &DeliveryWorker {
        &self.0.cartero
    }

    /// How the workers fare that run beside this.
    pub fn worker_health(&self) -> &WorkerHealth {
        &self.0.trabajos
    }

    /// Places of documents that are being prepared.
    #[cfg(feature = "pdf")]
    pub(crate) fn pdf_slots(&self) -> &Slots {
        &self.0.informes
    }

    pub(crate) fn subscribers(&self) -> &Subscribers {
        &self.0.oyentes
    }

    pub(crate) fn shutdown_signal(&self) -> watch::Receiver<bool> {
        self.0.cierre.subscribe()
    }

    pub(crate) fn shut_down(&self) {
        self.0.cierre.send_replace(true);
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
        self.0.presupuesto.used_kib()
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
        &self.0.frenos
    }

    /// Memory for the bodies of sync calls.
    pub(crate) fn memory_budget(&self) -> &MemoryBudget {
        &self.0.presupuesto
    }

    pub(crate) fn silence_ms(&self) -> i64 {
        self.0.silencio_ms
    }

    pub(crate) fn secure_cookie(&self) -> bool {
        self.0.cookie_segura
    }
}
