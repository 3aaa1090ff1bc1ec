//! What every handler can reach.

use std::{net::IpAddr, sync::Arc};

use sigra_domain::{Instante, Zona};
use sigra_envio::Cartero;
use sigra_evidencia::Evidencia;
use sigra_store::{Store, reportes::Entrada};
use tokio::sync::watch;

#[cfg(feature = "informe")]
use crate::reportes::informe::Lugares;
use crate::{
    claves::Claves,
    cuerpo::Presupuesto,
    notificaciones::oyentes::Oyentes,
    sync::freno::Frenos,
    tokens::{ClaveFirma, Tokens},
};

/// What the site decides.
pub struct Opciones {
    /// In which days are counted.
    pub zona: Zona,
    /// Signing keys: the first signs, all verify.
    pub claves: Vec<ClaveFirma>,
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
pub struct App(Arc<Interior>);

struct Interior {
    store: Store,
    evidencia: Evidencia,
    cartero: Cartero,
    oyentes: Oyentes,
    /// True when the server stops: what does not end by itself ends then.
    cierre: watch::Sender<bool>,
    entrada: Entrada,
    zona: Zona,
    tokens: Tokens,
    claves: Claves,
    proxies: Vec<IpAddr>,
    cookie_segura: bool,
    frenos: Frenos,
    presupuesto: Presupuesto,
    silencio_ms: i64,
    #[cfg(feature = "informe")]
    informes: Lugares,
}

impl App {
    pub fn nueva(store: Store, evidencia: Evidencia, cartero: Cartero, opciones: Opciones) -> Self {
        Self(Arc::new(Interior {
            tokens: Tokens::nuevos(&opciones.claves),
            claves: Claves::nuevas(store.entorno()),
            zona: opciones.zona,
            proxies: opciones.proxies,
            cookie_segura: opciones.cookie_segura,
            frenos: Frenos::nuevos(opciones.sync_por_minuto),
            presupuesto: Presupuesto::default(),
            silencio_ms: opciones.silencio_horas.saturating_mul(Instante::HORA),
            entrada: Entrada::nueva(store.clone()),
            evidencia,
            cartero,
            oyentes: Oyentes::default(),
            cierre: watch::Sender::new(false),
            #[cfg(feature = "informe")]
            informes: Lugares::default(),
            store,
        }))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The service of files.
    pub fn evidencia(&self) -> &Evidencia {
        &self.0.evidencia
    }

    /// Who sends to others.
    pub fn cartero(&self) -> &Cartero {
        &self.0.cartero
    }

    /// Places of documents that are being prepared.
    #[cfg(feature = "informe")]
    pub(crate) fn informes(&self) -> &Lugares {
        &self.0.informes
    }

    pub(crate) fn oyentes(&self) -> &Oyentes {
        &self.0.oyentes
    }

    pub(crate) fn cierre(&self) -> watch::Receiver<bool> {
        self.0.cierre.subscribe()
    }

    pub(crate) fn cierra(&self) {
        self.0.cierre.send_replace(true);
    }

    pub(crate) fn entrada(&self) -> &Entrada {
        &self.0.entrada
    }

    /// How many passwords were verified since the start, for tests of what a login costs.
    pub fn verificaciones(&self) -> u64 {
        self.0.claves.verificaciones()
    }

    /// Memory that sync calls hold now, in KiB, for tests of who may hold how much.
    pub fn memoria_de_sync_kib(&self) -> usize {
        self.0.presupuesto.tomado_kib()
    }

    pub(crate) fn zona(&self) -> &Zona {
        &self.0.zona
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn claves(&self) -> &Claves {
        &self.0.claves
    }

    pub(crate) fn proxies(&self) -> &[IpAddr] {
        &self.0.proxies
    }

    pub(crate) fn frenos(&self) -> &Frenos {
        &self.0.frenos
    }

    /// Memory for the bodies of sync calls.
    pub(crate) fn presupuesto(&self) -> &Presupuesto {
        &self.0.presupuesto
    }

    pub(crate) fn silencio_ms(&self) -> i64 {
        self.0.silencio_ms
    }

    pub(crate) fn cookie_segura(&self) -> bool {
        self.0.cookie_segura
    }
}
