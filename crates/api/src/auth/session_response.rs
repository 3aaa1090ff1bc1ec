//! The answer of every way to get a token.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use sigra_domain::Quien;
use sigra_store::identity::Usuario as UsuarioRow;
use utoipa::ToSchema;

use crate::{
    App,
    auth::guard::SESSION_COOKIE,
    problem::Problema,
    tokens::{AUD_API, AUD_BROWSER, LIFETIME},
    usuarios::dto::Usuario,
};

/// Los tokens de una sesión.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6IjFhMmIzYzRkIn0…", "refresh_token": "9b1c…",
    "token_type": "Bearer", "expires_in": 900, "debe_cambiar_password": false,
    "usuario": {"rut": 12_345_678, "rut_formateado": "12.345.678-5", "nombre": "Rosa", "apellido_1": "Díaz",
        "apellido_2": null, "rol": "trabajador", "cargo": 2, "areas": [], "email": null, "activo": true,
        "creado": "2026-01-05T12:00:00.000Z"}
}))]
pub struct Acceso {
    /// JWT para la cabecera `Authorization: Bearer`.
    pub access_token: String,
    /// Opaco, rota en cada uso; vive 30 días desde el último.
    pub refresh_token: String,
    pub token_type: String,
    /// Segundos que vive el `access_token`.
    pub expires_in: i64,
    /// Mientras sea true solo se puede cambiar la contraseña.
    pub debe_cambiar_password: bool,
    pub usuario: Usuario,
}

/// Tokens for `sesion_id`, with the cookie for requests that can't carry a header.
pub fn access_response(
    app: &App,
    usuario: UsuarioRow,
    sesion_id: i64,
    refresh_token: String,
) -> Result<Response, Problema> {
    let quien = Quien {
        rut: usuario.rut,
        rol: usuario.rol,
        areas: usuario.areas.clone(),
    };
    let env = app.store().env();
    let emite = |aud| {
        app.tokens()
            .issue(env, &quien, sesion_id, aud)
            .map_err(|e| Problema::internal(&e))
    };
    let body = Acceso {
        access_token: emite(AUD_API)?,
        refresh_token,
        token_type: "Bearer".to_owned(),
        expires_in: LIFETIME,
        debe_cambiar_password: usuario.debe_cambiar_password,
        usuario: usuario.into(),
    };
    let segura = if app.secure_cookie() { "; Secure" } else { "" };
    let cookie = format!(
        "{SESSION_COOKIE}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age={LIFETIME}{segura}",
        emite(AUD_BROWSER)?
    );
    let mut r = Json(body).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        r.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(r)
}
