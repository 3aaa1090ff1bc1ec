//! The way of a change of a report: key, write, answer.

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sigra_store::{
    Authorize, IdempotencyKey, IdempotencyRefusal, Idempotent, Refused, StoreError, StoredResponse,
    reportes::{ReporteRefusal, StoredReporte},
};

use crate::{App, auth::guard::Session, code::Codigo, problem::Problema, reportes::dto::to_dto};

static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The request's `Idempotency-Key` and the route it is for.
pub struct IdempotencyHeader {
    ruta: String,
    clave: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyHeader {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problema> {
        let clave = parts.headers.get("idempotency-key");
        let clave = clave.map(|v| v.to_str().unwrap_or_default().to_owned());
        let valida =
            |c: &String| (1..=255).contains(&c.len()) && c.bytes().all(|b| b.is_ascii_graphic());
        if !clave.as_ref().is_none_or(valida) {
            return Err(Codigo::IdempotenciaInvalida.into());
        }
        Ok(Self {
            ruta: format!("{} {}", parts.method, parts.uri.path()),
            clave,
        })
    }
}

impl IdempotencyHeader {
    /// Bound to the caller and the body.
    pub fn bind(self, sesion: &Session, sha256_cuerpo: String) -> Option<IdempotencyKey> {
        let Self { ruta, clave } = self;
        let rut = sesion.quien.rut;
        clave.map(|clave| IdempotencyKey {
            rut,
            ruta,
            clave,
            sha256_cuerpo,
        })
    }
}

/// Runs the write under its key and answers, or tells why not.
pub async fn write<W, F>(
    app: &App,
    sesion: &Session,
    key: Option<IdempotencyKey>,
    op: W,
    to_response: F,
) -> Result<Response, Problema>
where
    W: Authorize<Err = Refused<ReporteRefusal>>,
    F: Fn(W::Out) -> Result<StoredResponse, StoreError> + Send + Sync + 'static,
{
    let op = Idempotent {
        clave: key,
        op,
        responde: to_response,
    };
    match app.store().write(op).await {
        Ok(response) => Ok(to_http(response)),
        Err(IdempotencyRefusal::Distinta) => Err(Codigo::IdempotenciaDistinta.into()),
        Err(IdempotencyRefusal::Op(refused)) => Err(to_problema(refused, sesion)),
    }
}

/// A report as an answer that can be kept under a key.
pub fn reporte_response(
    status: StatusCode,
    leido: &StoredReporte,
    sesion: &Session,
) -> Result<StoredResponse, StoreError> {
    let version = leido.reporte.version;
    Ok(StoredResponse {
        location: (status == StatusCode::CREATED)
            .then(|| format!("/reportes/{}", leido.reporte.id)),
        ..json_response(status, version, &to_dto(leido, &sesion.catalogo))?
    })
}

/// An answer of a report's part that can be kept under a key; `version` is the report's.
pub fn json_response(
    status: StatusCode,
    version: i64,
    cuerpo: &impl Serialize,
) -> Result<StoredResponse, StoreError> {
    Ok(StoredResponse {
        status: status.as_u16(),
        location: None,
        etag: Some(etag(version)),
        cuerpo: serde_json::to_string(cuerpo).map_err(|e| StoreError::Dato(e.to_string()))?,
        repetida: false,
    })
}

/// An answer without a body that can be kept under a key.
pub fn no_content() -> StoredResponse {
    StoredResponse {
        status: StatusCode::NO_CONTENT.as_u16(),
        location: None,
        etag: None,
        cuerpo: String::new(),
        repetida: false,
    }
}

/// The strong entity tag of a version.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// An answer as HTTP.
pub fn to_http(r: StoredResponse) -> Response {
    let status = StatusCode::from_u16(r.status).unwrap_or(StatusCode::OK);
    let mut http = (status, Body::from(r.cuerpo)).into_response();
    let h = http.headers_mut();
    h.remove(header::CONTENT_TYPE);
    if status != StatusCode::NO_CONTENT {
        h.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    for (nombre, valor) in [(header::LOCATION, r.location), (header::ETAG, r.etag)] {
        if let Some(valor) = valor.and_then(|v| HeaderValue::from_str(&v).ok()) {
            h.insert(nombre, valor);
        }
    }
    if r.repetida {
        h.insert(&REPLAYED, HeaderValue::from_static("true"));
    }
    http
}

/// Why a report's change was refused, as the client reads it.
pub fn to_problema(refused: Refused<ReporteRefusal>, sesion: &Session) -> Problema {
    Problema::from_refused(refused, |reason| from_reason(reason, sesion))
}

fn from_reason(reason: ReporteRefusal, sesion: &Session) -> Problema {
    let actual = |leido: &StoredReporte| {
        serde_json::to_value(to_dto(leido, &sesion.catalogo)).unwrap_or_default()
    };
    match reason {
        ReporteRefusal::NoEncontrado => Codigo::NoEncontrado.into(),
        ReporteRefusal::Retirado => Codigo::ReporteRetirado.into(),
        ReporteRefusal::SinPermiso => Codigo::SinPermiso.into(),
        ReporteRefusal::Decidido => Codigo::ReporteDecidido.into(),
        ReporteRefusal::TransicionNoPermitida => Codigo::TransicionNoPermitida.into(),
        ReporteRefusal::DemasiadosComentarios => Codigo::DemasiadosComentarios.into(),
        ReporteRefusal::SinAprobar => Codigo::ReporteSinAprobar.into(),
        ReporteRefusal::DemasiadasAcciones => Codigo::DemasiadasAcciones.into(),
        ReporteRefusal::PasoNoPermitido => Codigo::PasoNoPermitido.into(),
        ReporteRefusal::QuienLaHizo => Codigo::QuienLaHizo.into(),
        ReporteRefusal::EnDesuso(errores) => errores.into(),
        ReporteRefusal::UuidEnConflicto(None) => Codigo::UuidEnConflicto.into(),
        ReporteRefusal::UuidEnConflicto(Some(l)) => {
            Problema::from(Codigo::UuidEnConflicto).with_current(actual(&l))
        }
        ReporteRefusal::VersionDesfasada(l) => {
            Problema::from(Codigo::VersionDesfasada).with_current(actual(&l))
        }
    }
}
