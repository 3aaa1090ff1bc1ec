//! `POST /auth/cambiar-password`

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Campo,
    campo::{Errores, tipo},
    clave,
};
use sigra_store::identidad::{AbrirSesion, CambiarPassword};
use utoipa::ToSchema;

use super::{
    direccion::Origen,
    login::comprueba,
    respuesta::{Acceso, acceso},
};
use crate::{App, acceso::Sesion, codigo::Codigo, cuerpo::Cuerpo, problema::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::CredencialesInvalidas, Codigo::DemasiadosIntentos];

/// La contraseña actual y la nueva (8 a 128 caracteres; una frase larga es mejor que símbolos).
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"password": "k3vh-9ndq-xw2p-amtr", "new_password": "roca firme 42"}))]
pub struct CambioPassword {
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password)]
    password: Campo<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 128)]
    new_password: Campo<String>,
}

/// Cambiar la propia contraseña.
///
/// Las demás sesiones terminan; la respuesta trae tokens nuevos.
#[utoipa::path(post, path = "/auth/cambiar-password", tag = "identidad", request_body = CambioPassword,
    responses((status = 200, description = "Cambiada; tokens de la sesión nueva", body = Acceso)))]
pub async fn cambiar_password(
    State(app): State<App>,
    sesion: Sesion,
    origen: Origen,
    Cuerpo { datos, .. }: Cuerpo<CambioPassword>,
) -> Result<Response, Problema> {
    let rut = sesion.quien.rut;
    let mut e = Errores::default();
    let actual = e.requerido("password", datos.password, tipo::TEXTO);
    let nueva = e
        .requerido("new_password", datos.new_password, tipo::TEXTO)
        .and_then(|n| e.toma("new_password", clave::nueva(&n, rut).map(|()| n)));
    if actual.is_some() && actual == nueva {
        e.agrega(
            "new_password",
            sigra_domain::Falla::Formato(
                "una contraseña distinta de la actual",
                "a password other than the current one",
            ),
        );
    }
    let (actual, nueva) = e.fin(actual.zip(nueva))?;
    let (mut usuario, _) = comprueba(&app, &origen, rut, actual).await?;
    let hash_nuevo = app.claves().hash(nueva).await?;
    let abrir = AbrirSesion {
        rut,
        device_id: None,
        agente: origen.agente,
        direccion: origen.direccion,
        rehash: None,
    };
    let hash_visto = usuario.hash_password.clone();
    let cambio = CambiarPassword {
        abrir,
        hash_visto,
        hash_nuevo,
    };
    let (sesion_id, refresh) = app
        .store()
        .escribir(cambio)
        .await?
        .ok_or(Codigo::CredencialesInvalidas)?;
    usuario.debe_cambiar_password = false;
    acceso(&app, usuario, sesion_id, refresh)
}
