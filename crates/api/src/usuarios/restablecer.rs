//! `POST /usuarios/{rut}/restablecer-password`

use axum::{Json, extract::State};
use serde::Serialize;
use sigra_domain::clave;
use sigra_store::identidad::RestablecerPassword;
use utoipa::ToSchema;

use super::RutDeRuta;
use crate::{App, acceso::Sesion, codigo::Codigo, problema::Problema};

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
    sesion: Sesion,
    RutDeRuta(rut): RutDeRuta,
) -> Result<Json<PasswordTemporal>, Problema> {
    let password_temporal = clave::temporal(app.store().entorno().azar());
    let hash = app.claves().hash(password_temporal.clone()).await?;
    let actor = Some(sesion.quien.rut);
    app.store()
        .escribir(RestablecerPassword { rut, hash, actor })
        .await?;
    Ok(Json(PasswordTemporal { password_temporal }))
}
