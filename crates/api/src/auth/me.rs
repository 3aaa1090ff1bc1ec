//! `GET /auth/me`

use axum::{Json, extract::State};
use sigra_store::identity::usuario;

use crate::{App, auth::guard::Session, code::Codigo, problem::Problema, usuarios::dto::Usuario};

pub const CODIGOS: &[Codigo] = &[];

/// Ver quién soy.
#[utoipa::path(get, path = "/auth/me", tag = "identidad",
    responses((status = 200, description = "Quien inició la sesión", body = Usuario)))]
pub async fn me(State(app): State<App>, sesion: Session) -> Result<Json<Usuario>, Problema> {
    let mut conn = app.store().read().await?;
    let usuario = usuario(&mut conn, sesion.quien.rut)
        .await?
        .ok_or(Codigo::SesionCerrada)?;
    Ok(Json(usuario.into()))
}
