//! The way of a change of a report: key, write, answer.

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sigra_store::{
    Clave, ConClave, Fallo, RechazoClave, Respuesta, Store, Write,
    reportes::{Rechazo, ReporteLeido},
};

use crate::{acceso::Sesion, codigo::Codigo, problema::Problema, reportes::vista::vista};

static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The request's `Idempotency-Key` and the route it is for.
pub struct Llave {
    ruta: String,
    clave: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Llave {
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

impl Llave {
    /// Bound to the caller and the body.
    pub fn ata(self, sesion: &Sesion, sha256_cuerpo: String) -> Option<Clave> {
        let Self { ruta, clave } = self;
        let rut = sesion.quien.rut;
        clave.map(|clave| Clave {
            rut,
            ruta,
            clave,
            sha256_cuerpo,
        })
    }
}

/// Runs the write under its key and answers, or tells why not.
pub async fn escribe<W, F>(
    store: &Store,
    sesion: &Sesion,
    escritura: ConClave<W, F>,
) -> Result<Response, Problema>
where
    ConClave<W, F>: Write<Out = Respuesta, Err = RechazoClave<Rechazo>>,
{
    match store.escribir(escritura).await {
        Ok(respuesta) => Ok(a_http(respuesta)),
        Err(RechazoClave::Distinta) => Err(Codigo::IdempotenciaDistinta.into()),
        Err(RechazoClave::Op(rechazo)) => Err(problema(rechazo, sesion)),
    }
}

/// A report as an answer that can be kept under a key.
pub fn con_reporte(
    status: StatusCode,
    leido: &ReporteLeido,
    sesion: &Sesion,
) -> Result<Respuesta, Fallo> {
    let version = leido.reporte.version;
    Ok(Respuesta {
        location: (status == StatusCode::CREATED)
            .then(|| format!("/reportes/{}", leido.reporte.id)),
        ..con_json(status, version, &vista(leido, &sesion.catalogo))?
    })
}

/// An answer of a report's part that can be kept under a key; `version` is the report's.
pub fn con_json(
    status: StatusCode,
    version: i64,
    cuerpo: &impl Serialize,
) -> Result<Respuesta, Fallo> {
    Ok(Respuesta {
        status: status.as_u16(),
        location: None,
        etag: Some(etag(version)),
        cuerpo: serde_json::to_string(cuerpo).map_err(|e| Fallo::Dato(e.to_string()))?,
        repetida: false,
    })
}

/// An answer without a body that can be kept under a key.
pub fn sin_cuerpo() -> Respuesta {
    Respuesta {
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
pub fn a_http(r: Respuesta) -> Response {
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
pub fn problema(rechazo: Rechazo, sesion: &Sesion) -> Problema {
    let actual = |leido: &ReporteLeido| {
        serde_json::to_value(vista(leido, &sesion.catalogo)).unwrap_or_default()
    };
    match rechazo {
        Rechazo::NoEncontrado => Codigo::NoEncontrado.into(),
        Rechazo::Retirado => Codigo::ReporteRetirado.into(),
        Rechazo::SinPermiso => Codigo::SinPermiso.into(),
        Rechazo::Decidido => Codigo::ReporteDecidido.into(),
        Rechazo::TransicionNoPermitida => Codigo::TransicionNoPermitida.into(),
        Rechazo::DemasiadosComentarios => Codigo::DemasiadosComentarios.into(),
        Rechazo::SinAprobar => Codigo::ReporteSinAprobar.into(),
        Rechazo::DemasiadasAcciones => Codigo::DemasiadasAcciones.into(),
        Rechazo::PasoNoPermitido => Codigo::PasoNoPermitido.into(),
        Rechazo::QuienLaHizo => Codigo::QuienLaHizo.into(),
        Rechazo::EnDesuso(errores) => errores.into(),
        Rechazo::UuidEnConflicto(None) => Codigo::UuidEnConflicto.into(),
        Rechazo::UuidEnConflicto(Some(l)) => {
            Problema::from(Codigo::UuidEnConflicto).con_actual(actual(&l))
        }
        Rechazo::VersionDesfasada(l) => {
            Problema::from(Codigo::VersionDesfasada).con_actual(actual(&l))
        }
        Rechazo::Fallo(f) => f.into(),
    }
}
