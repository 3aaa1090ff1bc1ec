//! `POST /auth/refresh`

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Field,
    campo::{FieldErrors, tipo},
};
use sigra_store::identity::{RefreshOutcome, RefreshSession, usuario};
use utoipa::ToSchema;

use super::session_response::{Acceso, access_response};
use crate::{App, body::JsonBody, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::SesionCerrada, Codigo::UsuarioInactivo];

/// El último `refresh_token` recibido.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"refresh_token": "9b1c…"}))]
pub struct Refresco {
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    refresh_token: Field<String>,
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
    JsonBody { datos, .. }: JsonBody<Refresco>,
) -> Result<Response, Problema> {
    let mut e = FieldErrors::default();
    let token = e.required("refresh_token", datos.refresh_token, tipo::STRING);
    let token = e.finish(token)?;
    let RefreshOutcome::Nueva {
        sesion_id,
        rut,
        token,
    } = app.store().write(RefreshSession { token }).await?
    else {
        return Err(Codigo::SesionCerrada.into());
    };
    let mut conn = app.store().read().await?;
    let usuario = usuario(&mut conn, rut)
        .await?
        .ok_or(Codigo::SesionCerrada)?;
    if !usuario.activo {
        return Err(Codigo::UsuarioInactivo.into());
    }
    access_response(&app, usuario, sesion_id, token)
}
