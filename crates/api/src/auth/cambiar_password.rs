//! `POST /auth/cambiar-password`

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Field,
    campo::{FieldErrors, tipo},
    password,
};
use sigra_store::identity::{ChangePassword, OpenSession};
use utoipa::ToSchema;

use super::{
    client_address::ClientOrigin,
    login::verify_password,
    session_response::{Acceso, access_response},
};
use crate::{App, auth::guard::Session, body::JsonBody, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::CredencialesInvalidas, Codigo::DemasiadosIntentos];

/// La contraseña actual y la nueva (8 a 128 caracteres; una frase larga es mejor que símbolos).
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"password": "k3vh-9ndq-xw2p-amtr", "new_password": "roca firme 42"}))]
pub struct CambioPassword {
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password)]
    password: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password, min_length = 8, max_length = 128)]
    new_password: Field<String>,
}

/// Cambiar la propia contraseña.
///
/// Las demás sesiones terminan; la respuesta trae tokens nuevos.
#[utoipa::path(post, path = "/auth/cambiar-password", tag = "identidad", request_body = CambioPassword,
    responses((status = 200, description = "Cambiada; tokens de la sesión nueva", body = Acceso)))]
pub async fn cambiar_password(
    State(app): State<App>,
    sesion: Session,
    origen: ClientOrigin,
    JsonBody { datos, .. }: JsonBody<CambioPassword>,
) -> Result<Response, Problema> {
    let rut = sesion.quien.rut;
    let mut e = FieldErrors::default();
    let actual = e.required("password", datos.password, tipo::STRING);
    let nueva = e
        .required("new_password", datos.new_password, tipo::STRING)
        .and_then(|n| e.take("new_password", password::validate(&n, rut).map(|()| n)));
    if actual.is_some() && actual == nueva {
        e.add(
            "new_password",
            sigra_domain::FieldErrorKind::Formato(
                "una contraseña distinta de la actual",
                "a password other than the current one",
            ),
        );
    }
    let (actual, nueva) = e.finish(actual.zip(nueva))?;
    let (mut usuario, _) = verify_password(&app, &origen, rut, actual).await?;
    let hash_nuevo = app.password_hasher().hash(nueva).await?;
    let abrir = OpenSession {
        rut,
        device_id: None,
        agente: origen.agente,
        direccion: origen.direccion,
        rehash: None,
    };
    let hash_visto = usuario.hash_password.clone();
    let cambio = ChangePassword {
        abrir,
        hash_visto,
        hash_nuevo,
    };
    let (sesion_id, refresh) = app
        .store()
        .write(cambio)
        .await?
        .ok_or(Codigo::CredencialesInvalidas)?;
    usuario.debe_cambiar_password = false;
    access_response(&app, usuario, sesion_id, refresh)
}
