//! `POST /notifications/{id}/leida` and `POST /notifications/leidas`

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Field,
    campo::{FieldErrors, tipo},
};
use sigra_store::notifications::{MarkRead, MarkReadUntil};
use utoipa::ToSchema;

use crate::{
    App,
    auth::guard::Session,
    body::{Id, JsonBody},
    code::Codigo,
    problem::Problema,
};

pub const CODIGOS_ONE: &[Codigo] = &[Codigo::NoEncontrado];
pub const CODIGOS_ALL: &[Codigo] = &[];

/// Hasta cuál leyó.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"hasta": 31}))]
pub struct LeidasHasta {
    /// Id de la más nueva que vio; las que llegaron después quedan sin leer.
    #[serde(default)]
    #[schema(value_type = i64, required = true)]
    hasta: Field<i64>,
}

/// Cuántas quedaron leídas.
#[derive(Serialize, ToSchema)]
pub struct Leidas {
    #[schema(example = 12)]
    pub leidas: u64,
}

/// Marcar una notificación como leída.
#[utoipa::path(post, path = "/notificaciones/{id}/leida", tag = "notificaciones",
    params(("id" = i64, Path, description = "Id de la notificación")),
    responses((status = 204, description = "Leída, ahora o antes")))]
pub async fn una(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<StatusCode, Problema> {
    let rut = sesion.quien.rut;
    if app.store().write(MarkRead { rut, id }).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Codigo::NoEncontrado.into())
    }
}

/// Marcar como leídas todas las notificaciones que se vieron.
#[utoipa::path(post, path = "/notificaciones/leidas", tag = "notificaciones", request_body = LeidasHasta,
    responses((status = 200, description = "Leídas", body = Leidas)))]
pub async fn hasta(
    State(app): State<App>,
    sesion: Session,
    JsonBody { datos, .. }: JsonBody<LeidasHasta>,
) -> Result<Json<Leidas>, Problema> {
    let mut e = FieldErrors::default();
    let hasta = e.required("hasta", datos.hasta, tipo::INTEGER);
    let id = e.finish(hasta)?;
    let rut = sesion.quien.rut;
    let leidas = app.store().write(MarkReadUntil { rut, id }).await?;
    Ok(Json(Leidas { leidas }))
}
