//! `GET` and `PUT /notifications/preferencias`

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Field, FieldErrorKind, Language,
    aviso::Aviso,
    campo::{BoundedList, FieldErrors, tipo},
    retry::Preferencias,
};
use sigra_store::notifications::{SetPreferencias, preferencias};
use utoipa::ToSchema;

use crate::{
    App, auth::guard::Session, body::JsonBody, code::Codigo, name_list::parse_names,
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[];

const EVENT_COUNT: usize = Aviso::ALL.len();

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
            idioma: p.idioma.name().to_owned(),
            correo: p.correo,
            push: p.push,
            silenciados: p.silenciados.iter().map(|a| a.name().to_owned()).collect(),
        }
    }
}

/// Las preferencias como deben quedar, completas.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"idioma": "es", "correo": true, "push": false, "silenciados": []}))]
pub struct PreferenciasPut {
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    idioma: Field<String>,
    #[serde(default)]
    #[schema(value_type = bool, required = true)]
    correo: Field<bool>,
    #[serde(default)]
    #[schema(value_type = bool, required = true)]
    push: Field<bool>,
    /// Como los nombra `evento` en `GET /notificaciones`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = true, max_items = 13)]
    silenciados: Field<BoundedList<String, EVENT_COUNT>>,
}

/// Ver cómo quiero enterarme.
#[utoipa::path(get, path = "/notificaciones/preferencias", tag = "notificaciones",
    responses((status = 200, description = "Las preferencias", body = Vista)))]
pub async fn ver(State(app): State<App>, sesion: Session) -> Result<Json<Vista>, Problema> {
    let mut conn = app.store().read().await?;
    let p = preferencias(&mut conn, sesion.quien.rut).await?;
    Ok(Json(p.into()))
}

/// Elegir cómo quiero enterarme.
///
/// Reemplaza todas. Vale para lo que pase desde ahora.
#[utoipa::path(put, path = "/notificaciones/preferencias", tag = "notificaciones", request_body = PreferenciasPut,
    responses((status = 200, description = "Como quedaron", body = Vista)))]
pub async fn elegir(
    State(app): State<App>,
    sesion: Session,
    JsonBody { datos, .. }: JsonBody<PreferenciasPut>,
) -> Result<Json<Vista>, Problema> {
    let mut e = FieldErrors::default();
    let idioma = e
        .required("idioma", datos.idioma, tipo::STRING)
        .and_then(|t| {
            e.take(
                "idioma",
                Language::from_name(&t).ok_or(FieldErrorKind::NoExiste),
            )
        });
    let correo = e.required("correo", datos.correo, tipo::BOOLEAN);
    let push = e.required("push", datos.push, tipo::BOOLEAN);
    let silenciados = e.required("silenciados", datos.silenciados, tipo::LIST);
    let silenciados = parse_names(&mut e, "silenciados", silenciados, 0, Aviso::from_name);
    let preferencias = (|| {
        Some(Preferencias {
            idioma: idioma?,
            correo: correo?,
            push: push?,
            silenciados: silenciados?,
        })
    })();
    let preferencias = e.finish(preferencias)?;
    let preferir = SetPreferencias {
        rut: sesion.quien.rut,
        preferencias: preferencias.clone(),
    };
    app.store().write(preferir).await?;
    Ok(Json(preferencias.into()))
}
