//! `GET /auth/me`

use axum::{Json, extract::State};
use sigra_store::identidad::usuario;

use crate::{App, acceso::Sesion, codigo::Codigo, problema::Problema, usuarios::vista::Usuario};

pub const CODIGOS: &[Codigo] = &[];

/// Ver quién soy.
#[utoipa::path(get, path = "/auth/me", tag = "identidad",
    responses((status = 200, description = "Quien inició la sesión", body = Usuario)))]
pub async fn me(State(app): State<App>, sesion: Sesion) -> Result<Json<Usuario>, Problema> {
    let mut lectura = app.store().leer().await?;
    let usuario = usuario(&mut lectura, sesion.quien.rut)
        .await?
        .ok_or(Codigo::SesionCerrada)?;
    Ok(Json(usuario.into()))
}
