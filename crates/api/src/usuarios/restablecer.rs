//! `POST /usuarios/{rut}/restablecer-password`

use axum::{Json, extract::State};
use serde::Serialize;
use sigra_domain::password;
use sigra_store::identity::ResetPassword;
use utoipa::ToSchema;

use super::PathRut;
use crate::{App, auth::guard::Session, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado];

/// Una contraseña de una vez, que no se vuelve a mostrar.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"password_temporal": "k3vh-9ndq-xw2p-amtr"}))]
pub struct PasswordTemporal {
    pub password_temporal: String,
}

/// Restablecer la contraseña de un usuario.
///
/// Sus sesiones terminan. La contraseña se muestra esta única vez y hay que cambiarla al entrar.
#[utoipa::path(post, path = "/usuarios/{rut}/restablecer-password", tag = "usuarios",
    params(("rut" = String, Path, description = "RUT, con o sin dígito verificador")),
    responses((status = 200, description = "La contraseña temporal", body = PasswordTemporal)))]
pub async fn restablecer(
    State(app): State<App>,
    sesion: Session,
    PathRut(rut): PathRut,
) -> Result<Json<PasswordTemporal>, Problema> {
    let password_temporal = password::temporary(app.store().env().random());
    let hash = app
        .password_hasher()
        .hash(password_temporal.clone())
        .await?;
    let actor = Some(sesion.quien.rut);
    app.store()
        .write(ResetPassword { rut, hash, actor })
        .await?;
    Ok(Json(PasswordTemporal { password_temporal }))
}
