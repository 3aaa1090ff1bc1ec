//! `POST /admin/reportes/{id}/aprobar` and `…/rechazar`

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Field, FieldErrorKind,
    campo::{FieldErrors, tipo},
    catalogo::{APROBADO, RECHAZADO},
    reporte::detalle,
};
use sigra_store::reportes::{DecideReporte, StoredReporte};
use utoipa::ToSchema;

use crate::{
    App,
    auth::guard::Session,
    body::{Id, IfMatch, JsonBody, expected_version},
    code::Codigo,
    idempotent::{IdempotencyHeader, reporte_response, write},
    problem::Problema,
    reportes::dto::Reporte,
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::SinPermiso,
    Codigo::NoEncontrado,
    Codigo::TransicionNoPermitida,
    Codigo::ReporteRetirado,
    Codigo::VersionDesfasada,
];

/// Una aprobación.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"detalle": "Se cierra el paso y se acuña antes del turno B.", "version": 1}))]
pub struct Decision {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 2_000)]
    detalle: Field<String>,
    /// Si viene y el reporte cambió desde entonces, responde 412.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    version: Field<i64>,
}

/// Un rechazo. El trabajador merece saber por qué: `detalle` es obligatorio.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"detalle": "La roca ya se acuñó en el turno A.", "version": 1}))]
pub struct Rechazo {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 2_000)]
    detalle: Field<String>,
    /// Si viene y el reporte cambió desde entonces, responde 412.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    version: Field<i64>,
}

/// The same in every other respect: they are only described apart.
impl From<Rechazo> for Decision {
    fn from(Rechazo { detalle, version }: Rechazo) -> Self {
        Self { detalle, version }
    }
}

/// Aprobar un reporte.
///
/// Estado, bitácora y avisos en una transacción. Repetir la propia decisión responde 200 y no
/// escribe nada.
#[utoipa::path(post, path = "/admin/reportes/{id}/aprobar", tag = "administracion", request_body = Decision,
    params(("id" = i64, Path, description = "Id del reporte"),
        ("If-Match" = Option<String>, Header, description = "ETag de la versión vista"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 a 255 caracteres; la misma clave repite la primera respuesta (7 días)")),
    responses((status = 200, description = "El reporte como quedó", body = Reporte, headers(("ETag" = String)))))]
pub async fn aprobar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    if_match: Option<IfMatch>,
    header: IdempotencyHeader,
    body: JsonBody<Decision>,
) -> Result<Response, Problema> {
    let version = |body| expected_version(if_match.as_ref(), body);
    decide(&app, sesion, id, version, header, body, APROBADO).await
}

/// Rechazar un reporte.
///
/// Exige `detalle`. Repetir la propia decisión responde 200 y no escribe nada.
#[utoipa::path(post, path = "/admin/reportes/{id}/rechazar", tag = "administracion", request_body = Rechazo,
    params(("id" = i64, Path, description = "Id del reporte"),
        ("If-Match" = Option<String>, Header, description = "ETag de la versión vista"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 a 255 caracteres; la misma clave repite la primera respuesta (7 días)")),
    responses((status = 200, description = "El reporte como quedó", body = Reporte, headers(("ETag" = String)))))]
pub async fn rechazar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    if_match: Option<IfMatch>,
    header: IdempotencyHeader,
    body: JsonBody<Rechazo>,
) -> Result<Response, Problema> {
    let version = |body| expected_version(if_match.as_ref(), body);
    decide(&app, sesion, id, version, header, body, RECHAZADO).await
}

async fn decide(
    app: &App,
    sesion: Session,
    id: i64,
    version: impl Fn(Option<i64>) -> Option<i64>,
    header: IdempotencyHeader,
    JsonBody { datos, sha256 }: JsonBody<impl Into<Decision>>,
    estado_id: i64,
) -> Result<Response, Problema> {
    let datos: Decision = datos.into();
    let key = header.bind(&sesion, sha256);
    let mut e = FieldErrors::default();
    let texto = e
        .optional("detalle", datos.detalle, tipo::STRING)
        .and_then(|t| e.take("detalle", detalle(t)));
    if texto.is_none() && estado_id == RECHAZADO && !e.has_errors() {
        e.add("detalle", FieldErrorKind::Requerido);
    }
    let en_cuerpo = e.optional("version", datos.version, tipo::INTEGER);
    let detalle = e.finish(Some(texto))?;
    let op = DecideReporte {
        quien: sesion.quien.clone(),
        id,
        estado_id,
        detalle,
        version: version(en_cuerpo),
        catalogo: sesion.catalogo.clone(),
    };
    let s = sesion.clone();
    let to_response = move |leido: StoredReporte| reporte_response(StatusCode::OK, &leido, &s);
    write(app, &sesion, key, op, to_response).await
}
