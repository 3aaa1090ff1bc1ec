//! `POST /auth/logout`

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use sigra_store::identity::CloseSession;

use crate::{App, auth::guard::Session, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[];

/// Cerrar la sesión.
#[utoipa::path(post, path = "/auth/logout", tag = "identidad",
    responses((status = 204, description = "Cerrada")))]
pub async fn logout(State(app): State<App>, sesion: Session) -> Result<Response, Problema> {
    let cerrar = CloseSession {
        rut: sesion.quien.rut,
        sesion_id: sesion.id,
    };
    app.store().write(cerrar).await?;
    let mut r = StatusCode::NO_CONTENT.into_response();
    r.headers_mut().insert(
        header::SET_COOKIE,
        HeaderValue::from_static("sigra_sesion=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"),
    );
    Ok(r)
}
