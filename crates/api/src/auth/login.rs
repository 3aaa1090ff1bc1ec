//! `POST /auth/login`

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Field, Rut,
    campo::{FieldErrors, tipo},
    reporte::device_id,
};
use sigra_store::identity::{
    CountAttempt, ForgiveAttempt, OpenSession, OpenSessionChecked, Usuario, bcrypt_cost, usuario,
};
use utoipa::ToSchema;

use super::{
    client_address::ClientOrigin,
    session_response::{Acceso, access_response},
};
use crate::{
    App,
    body::JsonBody,
    code::Codigo,
    problem::Problema,
    usuarios::dto::{RutDicho, parse_rut},
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::CredencialesInvalidas,
    Codigo::UsuarioInactivo,
    Codigo::DemasiadosIntentos,
];

/// RUT y contraseña.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"rut": "12.345.678-5", "password": "roca firme 42", "device_id": "moto-e7-0042"}))]
pub struct Login {
    #[serde(default)]
    #[schema(value_type = RutDicho, required = true)]
    rut: Field<RutDicho>,
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password)]
    password: Field<String>,
    /// Para reconocer la sesión en la lista de sesiones.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    device_id: Field<String>,
}

/// Iniciar sesión.
///
/// Abre una sesión y entrega sus tokens. Varias contraseñas incorrectas seguidas obligan a esperar.
#[utoipa::path(post, path = "/auth/login", tag = "identidad", request_body = Login,
    responses((status = 200, description = "Sesión abierta", body = Acceso)))]
pub async fn login(
    State(app): State<App>,
    origen: ClientOrigin,
    JsonBody { datos, .. }: JsonBody<Login>,
) -> Result<Response, Problema> {
    let mut e = FieldErrors::default();
    let rut = parse_rut(&mut e, "rut", datos.rut);
    let password = e.required("password", datos.password, tipo::STRING);
    let device_id = e
        .optional("device_id", datos.device_id, tipo::STRING)
        .and_then(|t| e.take("device_id", device_id(t)));
    let (rut, password) = e.finish(rut.zip(password))?;
    // Again when it changed meanwhile: two first sign-ins with an old hash both replace it.
    for _ in 0..3 {
        let (usuario, rehash) = verify_password(&app, &origen, rut, password.clone()).await?;
        let abrir = OpenSession {
            rut,
            device_id: device_id.clone(),
            agente: origen.agente.clone(),
            direccion: origen.direccion.clone(),
            rehash,
        };
        let hash_visto = usuario.hash_password.clone();
        let entrar = OpenSessionChecked { abrir, hash_visto };
        if let Some((sesion_id, refresh)) = app.store().write(entrar).await? {
            return access_response(&app, usuario, sesion_id, refresh);
        }
    }
    Err(Codigo::CredencialesInvalidas.into())
}

/// The person whose password this is, with a better hash of it when the stored one is old. Wrong
/// ones cost the same and say the same whether the RUT exists or not.
pub async fn verify_password(
    app: &App,
    origen: &ClientOrigin,
    rut: Rut,
    password: String,
) -> Result<(Usuario, Option<String>), Problema> {
    let (body, direccion) = (rut.body(), origen.direccion.clone());
    let intento = CountAttempt {
        rut: body,
        direccion: direccion.clone(),
    };
    if let Err(ms) = app.store().write(intento).await? {
        let segundos = u64::try_from(ms).unwrap_or(0).div_ceil(1_000);
        return Err(Problema::from(Codigo::DemasiadosIntentos).retry_after(segundos));
    }
    let mut conn = app.store().read().await?;
    let conocido = usuario(&mut conn, rut).await?;
    let costo_bcrypt = bcrypt_cost(&mut conn).await?;
    drop(conn);
    let hash = conocido.as_ref().map(|u| u.hash_password.clone());
    let verdict = app
        .password_hasher()
        .verify(password.clone(), hash, costo_bcrypt)
        .await?;
    let usuario = conocido
        .filter(|_| verdict.correcta)
        .ok_or(Codigo::CredencialesInvalidas)?;
    app.store()
        .write(ForgiveAttempt {
            rut: body,
            direccion,
        })
        .await?;
    if !usuario.activo {
        return Err(Codigo::UsuarioInactivo.into());
    }
    let rehash = if verdict.antigua {
        Some(app.password_hasher().hash(password).await?)
    } else {
        None
    };
    Ok((usuario, rehash))
}
