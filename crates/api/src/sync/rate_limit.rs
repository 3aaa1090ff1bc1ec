//! So many sync calls a minute and session, counted before the body is read.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use sigra_domain::{
    Instante,
    rate_limit::{Gcra, RateDecision},
};

use crate::{App, auth::guard::Session, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::DemasiadasSincronizaciones];

/// draft-ietf-httpapi-ratelimit-headers-10
pub static RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub static RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Sessions remembered; those whose bucket is full again are forgotten before more are taken in.
const MAX_SESSIONS: usize = 100_000;

/// The buckets of this node's sessions.
pub struct RateLimiter {
    gcra: Option<Gcra>,
    sesiones: Mutex<HashMap<i64, Instante>>,
}

impl RateLimiter {
    /// 0: no limit.
    pub fn new(por_minuto: i64) -> Self {
        Self {
            gcra: Gcra::new(por_minuto),
            sesiones: Mutex::default(),
        }
    }

    /// 0: no limit.
    pub fn per_minute(&self) -> i64 {
        self.gcra.map_or(0, Gcra::per_minute)
    }

    fn check(&self, sesion_id: i64, ahora: Instante) -> Option<(Gcra, RateDecision)> {
        let gcra = self.gcra?;
        let mut sesiones = self.sesiones.lock().unwrap_or_else(PoisonError::into_inner);
        if sesiones.len() >= MAX_SESSIONS {
            sesiones.retain(|_, lleno| *lleno > ahora);
        }
        let paso = gcra.check(sesiones.get(&sesion_id).copied(), ahora);
        sesiones.insert(sesion_id, paso.lleno);
        Some((gcra, paso))
    }
}

/// Lets a call through to its operation, or says when to come back.
pub async fn limit_rate(
    State(app): State<App>,
    sesion: Session,
    request: Request,
    next: Next,
) -> Response {
    let Some((gcra, paso)) = app.rate_limiters().check(sesion.id, sesion.ahora) else {
        return next.run(request).await;
    };
    let mut r = if paso.pasa {
        next.run(request).await
    } else {
        let espera = paso.espera_s.unsigned_abs();
        Problema::from(Codigo::DemasiadasSincronizaciones)
            .retry_after(espera)
            .into_response()
    };
    let politica = format!("\"sync\";q={};w=60", gcra.per_minute());
    let queda = format!("\"sync\";r={};t={}", paso.quedan, paso.espera_s);
    for (nombre, valor) in [(&RATELIMIT_POLICY, politica), (&RATELIMIT, queda)] {
        if let Ok(valor) = HeaderValue::from_str(&valor) {
            r.headers_mut().insert(nombre.clone(), valor);
        }
    }
    r
}
