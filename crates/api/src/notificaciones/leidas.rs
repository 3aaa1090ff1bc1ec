//! `POST /notificaciones/{id}/leida` and `POST /notificaciones/leidas`

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Campo,
    campo::{Errores, tipo},
};
use sigra_store::avisos::{Leer, LeerHasta};
use utoipa::ToSchema;

use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::{Cuerpo, Id},
    problema::Problema,
};

pub const CODIGOS_UNA: &[Codigo] = &[Codigo::NoEncontrado];
pub const CODIGOS_TODAS: &[Codigo] = &[];

/// Hasta cuál leyó.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"hasta": 31}))]
pub struct LeidasHasta {
    /// Id de la más nueva que vio; las que llegaron después quedan sin leer.
    #[serde(default)]
    #[schema(value_type = i64, required = true)]
    hasta: Campo<i64>,
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
    sesion: Sesion,
    Id(id): Id,
) -> Result<StatusCode, Problema> {
    let rut = sesion.quien.rut;
    if app.store().escribir(Leer { rut, id }).await? {
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
    sesion: Sesion,
    Cuerpo { datos, .. }: Cuerpo<LeidasHasta>,
) -> Result<Json<Leidas>, Problema> {
    let mut e = Errores::default();
    let hasta = e.requerido("hasta", datos.hasta, tipo::ENTERO);
    let id = e.fin(hasta)?;
    let rut = sesion.quien.rut;
    let leidas = app.store().escribir(LeerHasta { rut, id }).await?;
    Ok(Json(Leidas { leidas }))
}
