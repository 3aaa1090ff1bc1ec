//! `OPTIONS /multimedia/tus`

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode},
    response::{IntoResponse as _, Response},
};

use super::{CHECKSUM_ALGORITHMS, EXTENSIONS, MAX_SIZE, VERSION, VERSIONS, set_number_header};
use crate::{App, code::Codigo};

pub const CODIGOS: &[Codigo] = &[];

/// Preguntar qué se puede subir.
///
/// Responde con las cabeceras del protocolo tus: `Tus-Version`, `Tus-Extension`, `Tus-Max-Size` y
/// `Tus-Checksum-Algorithm`.
#[utoipa::path(options, path = "/multimedia/tus", tag = "multimedia",
    responses((status = 204, description = "En las cabeceras", headers(
        ("Tus-Version" = String), ("Tus-Extension" = String), ("Tus-Max-Size" = i64),
        ("Tus-Checksum-Algorithm" = String)))))]
pub async fn opciones(State(app): State<App>) -> Response {
    let mut r = StatusCode::NO_CONTENT.into_response();
    for (nombre, valor) in [
        (&VERSIONS, VERSION),
        (
            &EXTENSIONS,
            HeaderValue::from_static(
                "creation,creation-with-upload,termination,checksum,expiration",
            ),
        ),
        (
            &CHECKSUM_ALGORITHMS,
            HeaderValue::from_static("sha1,sha256"),
        ),
    ] {
        r.headers_mut().insert(nombre, valor);
    }
    set_number_header(&mut r, &MAX_SIZE, app.files().limits().largest());
    r
}
