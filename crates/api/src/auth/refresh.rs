//! `POST /auth/refresh`

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Campo,
    campo::{Errores, tipo},
};
use sigra_store::identidad::{Refrescada, Refrescar, usuario};
use utoipa::ToSchema;

use super::respuesta::{Acceso, acceso};
use crate::{App, codigo::Codigo, cuerpo::Cuerpo, problema::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::SesionCerrada, Codigo::UsuarioInactivo];

/// El último `refresh_token` recibido.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"refresh_token": "9b1c…"}))]
pub struct Refresco {
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    refresh_token: Campo<String>,
}

/// Renovar los tokens.
///
/// Cada token se usa una vez. Si la respuesta se perdió, envíe el mismo otra vez: en 60 segundos da
/// el mismo sucesor, y después uno nuevo mientras el sucesor no se haya usado. Usar uno más antiguo
/// cierra la sesión.
#[utoipa::path(post, path = "/auth/refresh", tag = "identidad", request_body = Refresco,
    responses((status = 200, description = "Tokens nuevos de la misma sesión", body = Acceso)))]
pub async fn refresh(
    State(app): State<App>,
    Cuerpo { datos, .. }: Cuerpo<Refresco>,
) -> Result<Response, Problema> {
    let mut e = Errores::default();
    let token = e.requerido("refresh_token", datos.refresh_token, tipo::TEXTO);
    let token = e.fin(token)?;
    let Refrescada::Nueva {
        sesion_id,
        rut,
        token,
    } = app.store().escribir(Refrescar { token }).await?
    else {
        return Err(Codigo::SesionCerrada.into());
    };
    let mut lectura = app.store().leer().await?;
    let usuario = usuario(&mut lectura, rut)
        .await?
        .ok_or(Codigo::SesionCerrada)?;
    if !usuario.activo {
        return Err(Codigo::UsuarioInactivo.into());
    }
    acceso(&app, usuario, sesion_id, token)
}
