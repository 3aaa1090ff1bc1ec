//! `GET` and `PUT /notificaciones/preferencias`

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Campo, Falla, Idioma,
    aviso::Aviso,
    campo::{Errores, Lista, tipo},
    entrega::Preferencias,
};
use sigra_store::avisos::{Preferir, preferencias};
use utoipa::ToSchema;

use crate::{
    App, acceso::Sesion, codigo::Codigo, cuerpo::Cuerpo, nombres::nombres, problema::Problema,
};

pub const CODIGOS: &[Codigo] = &[];

const EVENTOS: usize = Aviso::TODOS.len();

/// Cómo quiere enterarse una persona. Lo que va a su bandeja (`GET /notificaciones`) llega siempre.
#[derive(Serialize, ToSchema)]
#[schema(as = Preferencias, example = json!({"idioma": "es", "correo": true, "push": true, "silenciados": ["reporte.cambiado"]}))]
pub struct Vista {
    /// De los correos y las notificaciones: `es` o `en`.
    pub idioma: String,
    /// Recibir correos, si tiene un email y la faena envía correos.
    pub correo: bool,
    /// Recibir notificaciones en los navegadores que suscribió.
    pub push: bool,
    /// Eventos que van solo a la bandeja. De un reporte urgente se avisa igual a quien decide.
    pub silenciados: Vec<String>,
}

impl From<Preferencias> for Vista {
    fn from(p: Preferencias) -> Self {
        Self {
            idioma: p.idioma.nombre().to_owned(),
            correo: p.correo,
            push: p.push,
            silenciados: p
                .silenciados
                .iter()
                .map(|a| a.nombre().to_owned())
                .collect(),
        }
    }
}

/// Las preferencias como deben quedar, completas.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"idioma": "es", "correo": true, "push": false, "silenciados": []}))]
pub struct PreferenciasPut {
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    idioma: Campo<String>,
    #[serde(default)]
    #[schema(value_type = bool, required = true)]
    correo: Campo<bool>,
    #[serde(default)]
    #[schema(value_type = bool, required = true)]
    push: Campo<bool>,
    /// Como los nombra `evento` en `GET /notificaciones`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = true, max_items = 13)]
    silenciados: Campo<Lista<String, EVENTOS>>,
}

/// Ver cómo quiero enterarme.
#[utoipa::path(get, path = "/notificaciones/preferencias", tag = "notificaciones",
    responses((status = 200, description = "Las preferencias", body = Vista)))]
pub async fn ver(State(app): State<App>, sesion: Sesion) -> Result<Json<Vista>, Problema> {
    let mut lectura = app.store().leer().await?;
    let p = preferencias(&mut lectura, sesion.quien.rut).await?;
    Ok(Json(p.into()))
}

/// Elegir cómo quiero enterarme.
///
/// Reemplaza todas. Vale para lo que pase desde ahora.
#[utoipa::path(put, path = "/notificaciones/preferencias", tag = "notificaciones", request_body = PreferenciasPut,
    responses((status = 200, description = "Como quedaron", body = Vista)))]
pub async fn elegir(
    State(app): State<App>,
    sesion: Sesion,
    Cuerpo { datos, .. }: Cuerpo<PreferenciasPut>,
) -> Result<Json<Vista>, Problema> {
    let mut e = Errores::default();
    let idioma = e
        .requerido("idioma", datos.idioma, tipo::TEXTO)
        .and_then(|t| e.toma("idioma", Idioma::de_nombre(&t).ok_or(Falla::NoExiste)));
    let correo = e.requerido("correo", datos.correo, tipo::LOGICO);
    let push = e.requerido("push", datos.push, tipo::LOGICO);
    let silenciados = e.requerido("silenciados", datos.silenciados, tipo::LISTA);
    let silenciados = nombres(&mut e, "silenciados", silenciados, 0, Aviso::de_nombre);
    let preferencias = (|| {
        Some(Preferencias {
            idioma: idioma?,
            correo: correo?,
            push: push?,
            silenciados: silenciados?,
        })
    })();
    let preferencias = e.fin(preferencias)?;
    let preferir = Preferir {
        rut: sesion.quien.rut,
        preferencias: preferencias.clone(),
    };
    app.store().escribir(preferir).await?;
    Ok(Json(preferencias.into()))
}
