//! `DELETE /reportes/{id}`

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Field,
    campo::{FieldErrors, tipo},
    reporte::detalle,
};
use sigra_store::reportes::Retirar;
use utoipa::ToSchema;

use crate::{
    App,
    auth::guard::Session,
    body::{Id, IfMatch, JsonBody, expected_version},
    code::Codigo,
    idempotent::{IdempotencyHeader, no_content, write},
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::VersionDesfasada,
    Codigo::FaltaVersion,
];

/// Por qué se retira.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"detalle": "Reporte de prueba.", "version": 1}))]
pub struct Retiro {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 2_000)]
    detalle: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    version: Field<i64>,
}

/// Retirar un reporte.
///
/// El reporte deja de verse; su fila y su bitácora se conservan.
#[utoipa::path(delete, path = "/reportes/{id}", tag = "reportes", request_body = Retiro,
    params(("id" = i64, Path, description = "Id del reporte"),
        ("If-Match" = Option<String>, Header, description = "ETag de la versión vista"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 a 255 caracteres; la misma clave repite la primera respuesta (7 días)")),
    responses((status = 204, description = "Retirado")))]
pub async fn retirar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    if_match: Option<IfMatch>,
    header: IdempotencyHeader,
    JsonBody { datos, sha256 }: JsonBody<Retiro>,
) -> Result<Response, Problema> {
    let key = header.bind(&sesion, sha256);
    let mut e = FieldErrors::default();
    let texto = e
        .required("detalle", datos.detalle, tipo::STRING)
        .and_then(|t| e.take("detalle", detalle(t)));
    let version = e.optional("version", datos.version, tipo::INTEGER);
    let detalle = e.finish(texto)?;
    let version = expected_version(if_match.as_ref(), version).ok_or(Codigo::FaltaVersion)?;
    let op = Retirar {
        quien: sesion.quien.clone(),
        id,
        detalle,
        version,
    };
    let to_response = |()| Ok(no_content());
    write(&app, &sesion, key, op, to_response).await
}
