//! Errors at the edge: RFC 9457 problems with a stable `codigo`, in the reader's language.
//!
//! A handler answers with a [`Problema`]; the layer [`render_problems`] turns it into bytes, since only
//! there the request's language and path are known.

use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sigra_domain::{FieldError, FieldErrorKind, Language, hex};
use sigra_store::{Env, Refused, StoreError};

use crate::{
    code::Codigo,
    files::tus::OFFSET,
    sync::rate_limit::{RATELIMIT, RATELIMIT_POLICY},
};

/// Seconds after which a passing failure is worth another try.
const RETRY_AFTER_SECONDS: u64 = 5;

/// An error as the client will read it. Its inside (cause, place) goes to the log where it is made.
#[derive(Clone, Debug)]
pub struct Problema {
    pub codigo: Codigo,
    errores: Vec<FieldError>,
    /// The current report, where the client's is out of date.
    actual: Option<Value>,
    reintentar_en: Option<u64>,
    /// Finds a 500 in the log.
    id: Option<String>,
    /// A header that this problem has to say something in.
    header: Option<Box<(HeaderName, String)>>,
    workers_down: Option<Box<WorkersDown>>,
}

/// Whose absence is the reason. Boxed: an error that is rarely this one stays small.
#[derive(Clone, Debug)]
struct WorkersDown(Vec<&'static str>);

impl From<Codigo> for Problema {
    fn from(codigo: Codigo) -> Self {
        let reintentar_en =
            (codigo.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECONDS);
        Self {
            codigo,
            errores: vec![],
            actual: None,
            reintentar_en,
            id: None,
            header: None,
            workers_down: None,
        }
    }
}

impl From<Vec<FieldError>> for Problema {
    fn from(errores: Vec<FieldError>) -> Self {
        Self {
            errores,
            ..Codigo::DatosInvalidos.into()
        }
    }
}

impl From<StoreError> for Problema {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Lleno(_) => {
                tracing::error!(%error, "la base de datos se quedó sin espacio");
                Codigo::SinEspacio.into()
            }
            StoreError::NoDisponible(_) | StoreError::Repetir(_) => {
                tracing::warn!(%error, "base de datos no disponible");
                Codigo::NoDisponible.into()
            }
            _ => Self::internal(&error),
        }
    }
}

impl<R> From<Refused<R>> for Problema
where
    Self: From<R>,
{
    fn from(refused: Refused<R>) -> Self {
        Self::from_refused(refused, Self::from)
    }
}

impl Problema {
    /// Of a write that said no, or whose store failed.
    pub fn from_refused<R>(refused: Refused<R>, from_reason: impl FnOnce(R) -> Self) -> Self {
        match refused {
            Refused::Reason(reason) => from_reason(reason),
            Refused::Store(e) => e.into(),
        }
    }

    /// A defect or a broken machine: the cause goes to the log under the id that the client gets.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        let id = hex(&Env::default().random::<8>());
        tracing::error!(id, %cause, "error interno");
        Self {
            id: Some(id),
            ..Codigo::ErrorInterno.into()
        }
    }

    /// One wrong field.
    pub fn field(campo: &str, falla: FieldErrorKind) -> Self {
        vec![FieldError {
            campo: campo.to_owned(),
            falla,
        }]
        .into()
    }

    #[must_use]
    pub fn with_current(mut self, actual: Value) -> Self {
        self.actual = Some(actual);
        self
    }

    /// With the field that it is about.
    #[must_use]
    pub fn with_field(mut self, campo: &str, falla: FieldErrorKind) -> Self {
        self.errores.push(FieldError {
            campo: campo.to_owned(),
            falla,
        });
        self
    }

    /// With where an upload stands.
    #[must_use]
    pub fn with_offset(mut self, recibidos: i64) -> Self {
        self.header = Some(Box::new((OFFSET.clone(), recibidos.to_string())));
        self
    }

    /// With the length of what a part was asked of (RFC 9110, 15.5.17).
    #[must_use]
    pub fn with_length(mut self, largo: u64) -> Self {
        self.header = Some(Box::new((
            header::CONTENT_RANGE,
            format!("bytes */{largo}"),
        )));
        self
    }

    /// With the names of the workers that are down.
    #[must_use]
    pub fn with_workers_down(mut self, workers_down: Vec<&'static str>) -> Self {
        self.workers_down = Some(Box::new(WorkersDown(workers_down)));
        self
    }

    fn detail(&self, idioma: Language) -> String {
        let detalle = self.codigo.detalle(idioma);
        let Some(workers_down) = &self.workers_down else {
            return detalle.to_owned();
        };
        let son = idioma.pick("Trabajos detenidos", "Workers down");
        format!("{detalle} {son}: {}.", workers_down.0.join(", "))
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.reintentar_en = Some(seconds);
        self
    }

    /// The body, for a request on `instance`.
    pub fn json(&self, idioma: Language, instance: &str) -> Value {
        let codigo = self.codigo;
        let mut p = json!({
            "type": format!("urn:sigra:problema:{}", codigo.code()),
            "title": codigo.title(idioma),
            "status": codigo.status().as_u16(),
            "detail": self.detail(idioma),
            "instance": instance,
            "codigo": codigo.code(),
            "permanente": codigo.is_permanent(),
        });
        if !self.errores.is_empty() {
            p["errores"] = self
                .errores
                .iter()
                .map(|e| {
                    json!({
                        "campo": e.campo,
                        "codigo": e.falla.code(),
                        "mensaje": e.falla.message(idioma),
                    })
                })
                .collect();
        }
        if let Some(actual) = &self.actual {
            p["actual"] = actual.clone();
        }
        if let Some(seconds) = self.reintentar_en {
            p["reintentar_en"] = seconds.into();
        }
        if let Some(id) = &self.id {
            p["id"] = id.as_str().into();
        }
        p
    }

    fn to_response(&self, idioma: Language, instance: &str) -> Response {
        let mut r = (self.codigo.status(), Json(self.json(idioma, instance))).into_response();
        let h = r.headers_mut();
        h.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        h.insert(
            header::CONTENT_LANGUAGE,
            HeaderValue::from_static(idioma.tag()),
        );
        if let Some(seconds) = self.reintentar_en {
            h.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some((nombre, valor)) = self.header.as_deref()
            && let Ok(valor) = HeaderValue::from_str(valor)
        {
            h.insert(nombre.clone(), valor);
        }
        if self.codigo.status() == StatusCode::UNAUTHORIZED {
            h.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        r
    }
}

impl IntoResponse for Problema {
    fn into_response(self) -> Response {
        let mut r = self.codigo.status().into_response();
        r.extensions_mut().insert(self);
        r
    }
}

/// Writes the problems of what lies inside, in the language and with the path of the request.
pub async fn render_problems(request: Request, next: Next) -> Response {
    let idioma = request_language(&request);
    let instance = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let status = response.status();
    let problema = response
        .extensions_mut()
        .remove::<Problema>()
        .or(match status {
            // What axum answers by itself.
            StatusCode::METHOD_NOT_ALLOWED => Some(Codigo::MetodoNoPermitido.into()),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(Codigo::TipoDeContenido.into()),
            _ => None,
        });
    let Some(problema) = problema else {
        return response;
    };
    let mut r = problema.to_response(idioma, &instance);
    for nombre in [&header::ALLOW, &RATELIMIT, &RATELIMIT_POLICY] {
        if let Some(valor) = response.headers_mut().remove(nombre) {
            r.headers_mut().insert(nombre.clone(), valor);
        }
    }
    r
}

/// The language of a request's answer.
pub fn request_language(request: &Request) -> Language {
    headers_language(request.headers())
}

/// The same, for a handler whose answer holds problems.
pub fn headers_language(headers: &HeaderMap) -> Language {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|v| v.to_str().ok())
        .map_or(Language::Es, Language::from_accept_language)
}
