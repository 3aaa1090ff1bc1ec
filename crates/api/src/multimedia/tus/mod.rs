//! Uploads that go on where they were cut: the protocol tus 1.0.0, <https://tus.io/protocols/resumable-upload>,
//! with its extensions creation, creation-with-upload, termination, checksum and expiration.

mod cabeceras;
pub mod crear;
pub mod opciones;
pub mod subida;

use axum::{
    body::Body,
    extract::{FromRequestParts, Path, Request},
    http::{HeaderName, HeaderValue, StatusCode, request::Parts},
    middleware::Next,
    response::Response,
};
use sigra_domain::{Instante, Quien};
use sigra_evidencia::{Rechazo, Recibida, Suma};

use crate::{App, codigo::Codigo, problema::Problema};

pub const RAIZ: &str = "/multimedia/tus";
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

macro_rules! cabeceras {
    ($($nombre:ident $texto:literal;)*) => {
        $(pub static $nombre: HeaderName = HeaderName::from_static($texto);)*
    };
}

cabeceras! {
    RESUMABLE "tus-resumable";
    VERSIONES "tus-version";
    EXTENSIONES "tus-extension";
    MAXIMO "tus-max-size";
    ALGORITMOS "tus-checksum-algorithm";
    OFFSET "upload-offset";
    LARGO "upload-length";
    METADATOS "upload-metadata";
    SUMA "upload-checksum";
    EXPIRA "upload-expires";
    METODO "x-http-method-override";
}

/// The client speaks this version.
pub struct Tus;

impl<S: Send + Sync> FromRequestParts<S> for Tus {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problema> {
        if parts.headers.get(&RESUMABLE) == Some(&VERSION) {
            Ok(Self)
        } else {
            Err(Codigo::VersionDeTus.into())
        }
    }
}

/// The upload in the path; anything but 32 hexadecimal digits names none.
pub struct IdSubida(pub String);

impl<S: Send + Sync> FromRequestParts<S> for IdSubida {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, s: &S) -> Result<Self, Problema> {
        let id = <Path<String> as FromRequestParts<S>>::from_request_parts(parts, s).await;
        let valido = |id: &String| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let id = id.ok().map(|Path(id)| id).filter(valido);
        id.map(Self).ok_or_else(|| Codigo::NoEncontrado.into())
    }
}

fn es_de_tus(ruta: &str) -> bool {
    ruta.strip_prefix(RAIZ)
        .is_some_and(|r| r.is_empty() || r.starts_with('/'))
}

/// What every answer of the protocol says.
pub async fn cabeceras_de_tus(request: Request, next: Next) -> Response {
    let suya = es_de_tus(request.uri().path());
    let mut r = next.run(request).await;
    if suya {
        let falla = r.status() == StatusCode::PRECONDITION_FAILED;
        r.headers_mut().insert(&RESUMABLE, VERSION);
        if falla {
            r.headers_mut().insert(&VERSIONES, VERSION);
        }
    }
    r
}

/// Takes a body in a task of its own: what has come is kept also when the client leaves.
async fn recibe(
    app: &App,
    quien: &Quien,
    subida: &str,
    desde: i64,
    suma: Option<Suma>,
    cuerpo: Body,
) -> Result<Recibida, Problema> {
    let (evidencia, quien, id) = (app.evidencia().clone(), quien.clone(), subida.to_owned());
    let tarea = tokio::spawn(async move {
        let cuerpo = cuerpo.into_data_stream();
        evidencia.recibe(&quien, &id, desde, suma, cuerpo).await
    });
    let recibida = tarea.await.map_err(|e| Problema::interno(&e))?;
    recibida.map_err(|r| match r {
        Rechazo::OtroDesfase(va) => Problema::from(Rechazo::OtroDesfase(va)).con_desfase(va),
        otro => otro.into(),
    })
}

/// Where an upload stands, and until when it waits for more; one that a report has waits for nothing.
fn pon_avance(r: &mut Response, recibidos: i64, expira: i64, adoptada: bool) {
    pon_numero(r, &OFFSET, recibidos);
    if !adoptada {
        pon_expira(r, expira);
    }
}

fn pon_numero(r: &mut Response, nombre: &HeaderName, n: i64) {
    r.headers_mut().insert(nombre, n.into());
}

/// When an unfinished upload is given up (RFC 9110, 5.6.7).
fn pon_expira(r: &mut Response, expira: i64) {
    let segundos = u64::try_from(expira / Instante::SEGUNDO).unwrap_or(0);
    let cuando = std::time::UNIX_EPOCH + std::time::Duration::from_secs(segundos);
    if let Ok(texto) = HeaderValue::from_str(&httpdate::fmt_http_date(cuando)) {
        r.headers_mut().insert(&EXPIRA, texto);
    }
}
