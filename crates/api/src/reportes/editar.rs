//! `PUT /reportes/{id}`

use axum::{extract::State, http::StatusCode, response::Response};
use sigra_domain::reporte::ReporteEdit;
use sigra_store::reportes::{EditReporte, StoredReporte};

use super::dto::Reporte;
use crate::{
    App,
    auth::guard::Session,
    body::{Id, IfMatch, JsonBody, expected_version},
    code::Codigo,
    idempotent::{IdempotencyHeader, reporte_response, write},
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::SinPermiso,
    Codigo::NoEncontrado,
    Codigo::ReporteDecidido,
    Codigo::TransicionNoPermitida,
    Codigo::ReporteRetirado,
    Codigo::VersionDesfasada,
    Codigo::FaltaVersion,
];

/// Editar un reporte o cambiar su estado.
///
/// Lo ausente queda igual y null borra. Exige la versión vista, en `If-Match` o en `version`; si el
/// reporte cambió desde entonces responde 412 con el actual. Repetir el propio cambio ya hecho
/// responde 200 y no escribe nada.
#[utoipa::path(put, path = "/reportes/{id}", tag = "reportes", request_body = ReporteEdit,
    params(("id" = i64, Path, description = "Id del reporte"),
        ("If-Match" = Option<String>, Header, description = "ETag de la versión vista"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 a 255 caracteres; la misma clave repite la primera respuesta (7 días)")),
    responses((status = 200, description = "El reporte como quedó", body = Reporte, headers(("ETag" = String)))))]
pub async fn editar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    if_match: Option<IfMatch>,
    header: IdempotencyHeader,
    JsonBody { datos, sha256 }: JsonBody<ReporteEdit>,
) -> Result<Response, Problema> {
    let key = header.bind(&sesion, sha256);
    let cambio = datos.validate(&sesion.catalogo)?;
    let version =
        expected_version(if_match.as_ref(), cambio.version).ok_or(Codigo::FaltaVersion)?;
    let catalogo = sesion.catalogo.clone();
    let op = EditReporte {
        quien: sesion.quien.clone(),
        id,
        cambio,
        version,
        catalogo,
    };
    let s = sesion.clone();
    let to_response = move |leido: StoredReporte| reporte_response(StatusCode::OK, &leido, &s);
    write(&app, &sesion, key, op, to_response).await
}
