//! `GET /usuarios/{rut}`

use axum::{Json, extract::State};
use sigra_store::identity::usuario;

use super::{PathRut, dto::Usuario};
use crate::{App, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado];

/// Ver un usuario.
#[utoipa::path(get, path = "/usuarios/{rut}", tag = "usuarios",
    params(("rut" = String, Path, description = "RUT, con o sin dígito verificador")),
    responses((status = 200, description = "El usuario", body = Usuario)))]
pub async fn ver(State(app): State<App>, PathRut(rut): PathRut) -> Result<Json<Usuario>, Problema> {
    let mut conn = app.store().read().await?;
    let usuario = usuario(&mut conn, rut).await?.ok_or(Codigo::NoEncontrado)?;
    Ok(Json(usuario.into()))
}
