//! `POST /auth/login`

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Campo, Rut,
    campo::{Errores, tipo},
    reporte::device_id,
};
use sigra_store::identidad::{
    AbrirSesion, Entrar, Intento, PerdonaIntento, Usuario, costo_bcrypt, usuario,
};
use utoipa::ToSchema;

use super::{
    direccion::Origen,
    respuesta::{Acceso, acceso},
};
use crate::{
    App,
    codigo::Codigo,
    cuerpo::Cuerpo,
    problema::Problema,
    usuarios::vista::{RutDicho, rut},
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
    rut: Campo<RutDicho>,
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password)]
    password: Campo<String>,
    /// Para reconocer la sesión en la lista de sesiones.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    device_id: Campo<String>,
}

/// Iniciar sesión.
///
/// Abre una sesión y entrega sus tokens. Varias contraseñas incorrectas seguidas obligan a esperar.
#[utoipa::path(post, path = "/auth/login", tag = "identidad", request_body = Login,
    responses((status = 200, description = "Sesión abierta", body = Acceso)))]
pub async fn login(
    State(app): State<App>,
    origen: Origen,
    Cuerpo { datos, .. }: Cuerpo<Login>,
) -> Result<Response, Problema> {
    let mut e = Errores::default();
    let rut = rut(&mut e, "rut", datos.rut);
    let password = e.requerido("password", datos.password, tipo::TEXTO);
    let device_id = e
        .opcional("device_id", datos.device_id, tipo::TEXTO)
        .and_then(|t| e.toma("device_id", device_id(t)));
    let (rut, password) = e.fin(rut.zip(password))?;
    // Again when it changed meanwhile: two first sign-ins with an old hash both replace it.
    for _ in 0..3 {
        let (usuario, rehash) = comprueba(&app, &origen, rut, password.clone()).await?;
        let abrir = AbrirSesion {
            rut,
            device_id: device_id.clone(),
            agente: origen.agente.clone(),
            direccion: origen.direccion.clone(),
            rehash,
        };
        let hash_visto = usuario.hash_password.clone();
        let entrar = Entrar { abrir, hash_visto };
        if let Some((sesion_id, refresh)) = app.store().escribir(entrar).await? {
            return acceso(&app, usuario, sesion_id, refresh);
        }
    }
    Err(Codigo::CredencialesInvalidas.into())
}

/// The person whose password this is, with a better hash of it when the stored one is old. Wrong
/// ones cost the same and say the same whether the RUT exists or not.
pub async fn comprueba(
    app: &App,
    origen: &Origen,
    rut: Rut,
    password: String,
) -> Result<(Usuario, Option<String>), Problema> {
    let (cuerpo, direccion) = (rut.cuerpo(), origen.direccion.clone());
    let intento = Intento {
        rut: cuerpo,
        direccion: direccion.clone(),
    };
    if let Err(ms) = app.store().escribir(intento).await? {
        let segundos = u64::try_from(ms).unwrap_or(0).div_ceil(1_000);
        return Err(Problema::from(Codigo::DemasiadosIntentos).reintentar_en(segundos));
    }
    let mut lectura = app.store().leer().await?;
    let conocido = usuario(&mut lectura, rut).await?;
    let costo_bcrypt = costo_bcrypt(&mut lectura).await?;
    drop(lectura);
    let hash = conocido.as_ref().map(|u| u.hash_password.clone());
    let veredicto = app
        .claves()
        .verifica(password.clone(), hash, costo_bcrypt)
        .await?;
    let usuario = conocido
        .filter(|_| veredicto.correcta)
        .ok_or(Codigo::CredencialesInvalidas)?;
    app.store()
        .escribir(PerdonaIntento {
            rut: cuerpo,
            direccion,
        })
        .await?;
    if !usuario.activo {
        return Err(Codigo::UsuarioInactivo.into());
    }
    let rehash = if veredicto.antigua {
        Some(app.claves().hash(password).await?)
    } else {
        None
    };
    Ok((usuario, rehash))
}
