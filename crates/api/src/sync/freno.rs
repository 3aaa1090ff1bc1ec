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
    freno::{Freno, Paso},
};

use crate::{App, acceso::Sesion, codigo::Codigo, problema::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::DemasiadasSincronizaciones];

/// draft-ietf-httpapi-ratelimit-headers-10
pub static RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub static RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Sessions remembered; those whose bucket is full again are forgotten before more are taken in.
const MAX_SESIONES: usize = 100_000;

/// The buckets of this node's sessions.
pub struct Frenos {
    freno: Option<Freno>,
    sesiones: Mutex<HashMap<i64, Instante>>,
}

impl Frenos {
    /// 0: no limit.
    pub fn nuevos(por_minuto: i64) -> Self {
        Self {
            freno: Freno::nuevo(por_minuto),
            sesiones: Mutex::default(),
        }
    }

    /// 0: no limit.
    pub fn por_minuto(&self) -> i64 {
        self.freno.map_or(0, Freno::por_minuto)
    }

    fn pasa(&self, sesion_id: i64, ahora: Instante) -> Option<(Freno, Paso)> {
        let freno = self.freno?;
        let mut sesiones = self.sesiones.lock().unwrap_or_else(PoisonError::into_inner);
        if sesiones.len() >= MAX_SESIONES {
            sesiones.retain(|_, lleno| *lleno > ahora);
        }
        let paso = freno.pasa(sesiones.get(&sesion_id).copied(), ahora);
        sesiones.insert(sesion_id, paso.lleno);
        Some((freno, paso))
    }
}

/// Lets a call through to its operation, or says when to come back.
pub async fn frena(
    State(app): State<App>,
    sesion: Sesion,
    request: Request,
    next: Next,
) -> Response {
    let Some((freno, paso)) = app.frenos().pasa(sesion.id, sesion.ahora) else {
        return next.run(request).await;
    };
    let mut r = if paso.pasa {
        next.run(request).await
    } else {
        let espera = paso.espera_s.unsigned_abs();
        Problema::from(Codigo::DemasiadasSincronizaciones)
            .reintentar_en(espera)
            .into_response()
    };
    let politica = format!("\"sync\";q={};w=60", freno.por_minuto());
    let queda = format!("\"sync\";r={};t={}", paso.quedan, paso.espera_s);
    for (nombre, valor) in [(&RATELIMIT_POLICY, politica), (&RATELIMIT, queda)] {
        if let Ok(valor) = HeaderValue::from_str(&valor) {
            r.headers_mut().insert(nombre.clone(), valor);
        }
    }
    r
}
