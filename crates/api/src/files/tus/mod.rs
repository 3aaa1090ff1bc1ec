//! Uploads that go on where they were cut: the protocol tus 1.0.0, <https://tus.io/protocols/resumable-upload>,
//! with its extensions creation, creation-with-upload, termination, checksum and expiration.

pub mod crear;
mod headers;
pub mod options;
pub mod upload;

use axum::{
    body::Body,
    extract::{FromRequestParts, Path, Request},
    http::{HeaderName, HeaderValue, StatusCode, request::Parts},
    middleware::Next,
    response::Response,
};
use sigra_domain::{Instante, Quien};
use sigra_files::{Checksum, FileRefusal, UploadProgress};

use crate::{App, code::Codigo, problem::Problema};

pub const BASE_PATH: &str = "/multimedia/tus";
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

macro_rules! headers {
    ($($nombre:ident $texto:literal;)*) => {
        $(pub static $nombre: HeaderName = HeaderName::from_static($texto);)*
    };
}

headers! {
    RESUMABLE "tus-resumable";
    VERSIONS "tus-version";
    EXTENSIONS "tus-extension";
    MAX_SIZE "tus-max-size";
    CHECKSUM_ALGORITHMS "tus-checksum-algorithm";
    OFFSET "upload-offset";
    LENGTH "upload-length";
    METADATA "upload-metadata";
    CHECKSUM "upload-checksum";
    EXPIRES "upload-expires";
    METHOD_OVERRIDE "x-http-method-override";
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
pub struct UploadId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for UploadId {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, s: &S) -> Result<Self, Problema> {
        let id = <Path<String> as FromRequestParts<S>>::from_request_parts(parts, s).await;
        let valido = |id: &String| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let id = id.ok().map(|Path(id)| id).filter(valido);
        id.map(Self).ok_or_else(|| Codigo::NoEncontrado.into())
    }
}

fn is_tus(ruta: &str) -> bool {
    ruta.strip_prefix(BASE_PATH)
        .is_some_and(|r| r.is_empty() || r.starts_with('/'))
}

/// What every answer of the protocol says.
pub async fn set_tus_headers(request: Request, next: Next) -> Response {
    let suya = is_tus(request.uri().path());
    let mut r = next.run(request).await;
    if suya {
        let falla = r.status() == StatusCode::PRECONDITION_FAILED;
        r.headers_mut().insert(&RESUMABLE, VERSION);
        if falla {
            r.headers_mut().insert(&VERSIONS, VERSION);
        }
    }
    r
}

/// Takes a body in a task of its own: what has come is kept also when the client leaves.
async fn receive(
    app: &App,
    quien: &Quien,
    subida: &str,
    desde: i64,
    suma: Option<Checksum>,
    body: Body,
) -> Result<UploadProgress, Problema> {
    let (files, quien, id) = (app.files().clone(), quien.clone(), subida.to_owned());
    let tarea = tokio::spawn(async move {
        let body = body.into_data_stream();
        files.receive(&quien, &id, desde, suma, body).await
    });
    let recibida = tarea.await.map_err(|e| Problema::internal(&e))?;
    recibida.map_err(|r| match r {
        FileRefusal::OtroDesfase(va) => {
            Problema::from(FileRefusal::OtroDesfase(va)).with_offset(va)
        }
        otro => otro.into(),
    })
}

/// Where an upload stands, and until when it waits for more; one that a report has waits for nothing.
fn set_progress_headers(r: &mut Response, recibidos: i64, expira: i64, adoptada: bool) {
    set_number_header(r, &OFFSET, recibidos);
    if !adoptada {
        set_expires_header(r, expira);
    }
}

fn set_number_header(r: &mut Response, nombre: &HeaderName, n: i64) {
    r.headers_mut().insert(nombre, n.into());
}

/// When an unfinished upload is given up (RFC 9110, 5.6.7).
fn set_expires_header(r: &mut Response, expira: i64) {
    let segundos = u64::try_from(expira / Instante::SECOND).unwrap_or(0);
    let cuando = std::time::UNIX_EPOCH + std::time::Duration::from_secs(segundos);
    if let Ok(texto) = HeaderValue::from_str(&httpdate::fmt_http_date(cuando)) {
        r.headers_mut().insert(&EXPIRES, texto);
    }
}
