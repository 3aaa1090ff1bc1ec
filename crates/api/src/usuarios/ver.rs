//! `GET /usuarios/{rut}`

use axum::{Json, extract::State};
use sigra_store::identidad::usuario;

use super::{RutDeRuta, vista::Usuario};
use crate::{App, codigo::Codigo, problema::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado];

/// Ver un usuario.
#[utoipa::path(get, path = "/usuarios/{rut}", tag = "usuarios",
    params(("rut" = String, Path, description = "RUT, con o sin dígito verificador")),
    responses((status = 200, description = "El usuario", body = Usuario)))]
pub async fn ver(
    State(app): State<App>,
    RutDeRuta(rut): RutDeRuta,
) -> Result<Json<Usuario>, Problema> {
    let mut lectura = app.store().leer().await?;
    let usuario = usuario(&mut lectura, rut)
        .await?
        .ok_or(Codigo::NoEncontrado)?;
    Ok(Json(usuario.into()))
}
