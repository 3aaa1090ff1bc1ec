//! `GET /catalogos`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use sigra_domain::catalogo::Catalogo;

use crate::{App, code::Codigo, idempotent::etag, problem::Problema};

pub const CODIGOS: &[Codigo] = &[];

/// Ver los catálogos.
///
/// No necesita token: un teléfono se prepara antes de que alguien inicie sesión.
#[utoipa::path(get, path = "/catalogos", tag = "catalogos",
    params(("If-None-Match" = Option<String>, Header, description = "ETag que el cliente ya tiene")),
    responses((status = 200, description = "Áreas, severidades, estados y transiciones", body = Catalogo, headers(("ETag" = String))),
        (status = 304, description = "No han cambiado")))]
pub async fn ver(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problema> {
    let catalogo = app.store().catalogo().await?;
    let etag = etag(catalogo.version);
    let igual = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| {
            v.split(',')
                .any(|t| t.trim().trim_start_matches("W/") == etag)
        });
    let mut r = if igual {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(&*catalogo).into_response()
    };
    if let Ok(valor) = HeaderValue::from_str(&etag) {
        r.headers_mut().insert(header::ETAG, valor);
    }
    Ok(r)
}
