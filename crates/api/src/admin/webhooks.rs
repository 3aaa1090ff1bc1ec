//! `/admin/webhooks`: other systems that are told of events.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sigra_delivery::webhook::new_secret;
use sigra_domain::{
    Evento, Field, FieldErrorKind,
    campo::{BoundedList, FieldErrors, text, tipo},
};
use sigra_store::notifications::{self, ChangeWebhook, WebhookChange, WebhookRefusal, webhooks};
use utoipa::ToSchema;

use crate::{
    App,
    auth::guard::Session,
    body::{Id, JsonBody},
    code::Codigo,
    name_list::parse_names,
    problem::Problema,
};

pub const CODIGOS_LIST: &[Codigo] = &[];
pub const CODIGOS_CREAR: &[Codigo] = &[Codigo::DemasiadosWebhooks];
pub const CODIGOS_ONE: &[Codigo] = &[Codigo::NoEncontrado];

const MAX_URL: usize = 2_000;

/// Otro sistema al que se avisa.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 2, "url": "https://gestion.faena.cl/sigra", "descripcion": "Gestión de riesgos",
    "eventos": ["reporte.creado", "reporte.decidido"], "activo": true, "creado": "2026-03-01T12:00:00.000Z",
    "anterior_hasta": null, "fallos": 0, "en_pausa_hasta": null
}))]
pub struct Webhook {
    pub id: i64,
    pub url: String,
    pub descripcion: String,
    pub eventos: Vec<String>,
    pub activo: bool,
    #[schema(format = DateTime)]
    pub creado: String,
    /// Hasta cuándo se firma también con el secreto anterior.
    #[schema(format = DateTime)]
    pub anterior_hasta: Option<String>,
    /// Fallos seguidos.
    pub fallos: i64,
    /// Falló tanto que hasta entonces no se le envía.
    #[schema(format = DateTime)]
    pub en_pausa_hasta: Option<String>,
}

impl From<notifications::Webhook> for Webhook {
    fn from(w: notifications::Webhook) -> Self {
        Self {
            id: w.id,
            url: w.url,
            descripcion: w.descripcion,
            eventos: w.eventos.iter().map(|e| e.name().to_owned()).collect(),
            activo: w.activo,
            creado: w.creado.to_string(),
            anterior_hasta: w.anterior_hasta.map(|t| t.to_string()),
            fallos: w.fallos,
            en_pausa_hasta: w.en_pausa_hasta.map(|t| t.to_string()),
        }
    }
}

/// Todos los webhooks.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"items": [{
    "id": 2, "url": "https://gestion.faena.cl/sigra", "descripcion": "Gestión de riesgos",
    "eventos": ["reporte.creado", "reporte.decidido"], "activo": true, "creado": "2026-03-01T12:00:00.000Z",
    "anterior_hasta": null, "fallos": 0, "en_pausa_hasta": null
}]}))]
pub struct Webhooks {
    pub items: Vec<Webhook>,
}

/// El webhook y su secreto, que no se vuelve a mostrar.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 2, "url": "https://gestion.faena.cl/sigra", "descripcion": "Gestión de riesgos",
    "eventos": ["reporte.creado", "reporte.decidido"], "activo": true, "creado": "2026-03-01T12:00:00.000Z",
    "anterior_hasta": null, "fallos": 0, "en_pausa_hasta": null,
    "secreto": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
}))]
pub struct WebhookCreado {
    #[serde(flatten)]
    pub webhook: Webhook,
    /// Con él se comprueban las firmas (Standard Webhooks).
    pub secreto: String,
}

/// Un webhook nuevo.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"url": "https://gestion.faena.cl/sigra", "eventos": ["reporte.creado", "reporte.decidido"], "descripcion": "Gestión de riesgos"}))]
pub struct WebhookCreate {
    /// De Internet y por https, salvo que la configuración permita redes internas.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 2_000)]
    url: Field<String>,
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = true, min_items = 1, max_items = 6)]
    eventos: Field<BoundedList<String, { Evento::ALL.len() }>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 200)]
    descripcion: Field<String>,
}

/// Lo que cambia de un webhook.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"activo": false}))]
pub struct WebhookPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 2_000)]
    url: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, required = false, min_items = 1, max_items = 6)]
    eventos: Field<BoundedList<String, { Evento::ALL.len() }>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 200)]
    descripcion: Field<String>,
    /// Uno que no está activo no recibe; lo que se le debía se da por perdido.
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    activo: Field<bool>,
}

fn url(app: &App, e: &mut FieldErrors, dicha: Option<String>) -> Option<String> {
    let dicha = dicha?;
    let larga = FieldErrorKind::Largo {
        min: 1,
        max: MAX_URL,
    };
    let no_sirve = FieldErrorKind::Formato(
        "una dirección https de Internet, sin usuario ni clave",
        "an https address in the Internet, without user or password",
    );
    let buena = if dicha.chars().count() > MAX_URL {
        Err(larga)
    } else {
        app.delivery_worker()
            .a_webhooks()
            .check(&dicha)
            .map_err(|_| no_sirve)
    };
    e.take("url", buena).map(String::from)
}

fn descripcion(e: &mut FieldErrors, dicha: Field<String>) -> Option<String> {
    e.optional("descripcion", dicha, tipo::STRING)
        .and_then(|t| e.take("descripcion", text(t, 0, 200, false)))
}

impl From<WebhookRefusal> for Problema {
    fn from(r: WebhookRefusal) -> Self {
        match r {
            WebhookRefusal::NoEncontrado => Codigo::NoEncontrado.into(),
            WebhookRefusal::Demasiados => Codigo::DemasiadosWebhooks.into(),
        }
    }
}

async fn update(app: &App, sesion: &Session, cambio: WebhookChange) -> Result<Webhook, Problema> {
    let actor = sesion.quien.rut;
    let queda = app.store().write(ChangeWebhook { cambio, actor }).await?;
    Ok(queda.ok_or(Codigo::NoEncontrado)?.into())
}

/// Ver los webhooks.
#[utoipa::path(get, path = "/admin/webhooks", tag = "administracion",
    responses((status = 200, description = "Todos, del más antiguo al más nuevo", body = Webhooks)))]
pub async fn listar(State(app): State<App>, sesion: Session) -> Result<Json<Webhooks>, Problema> {
    let mut conn = app.store().read().await?;
    let todos = webhooks(&mut conn, sesion.ahora).await?;
    let items = todos.into_iter().map(Webhook::from).collect();
    Ok(Json(Webhooks { items }))
}

/// Crear un webhook.
///
/// El secreto se muestra esta única vez. A lo más veinte.
#[utoipa::path(post, path = "/admin/webhooks", tag = "administracion", request_body = WebhookCreate,
    responses((status = 201, description = "Creado", body = WebhookCreado)))]
pub async fn crear(
    State(app): State<App>,
    sesion: Session,
    JsonBody { datos, .. }: JsonBody<WebhookCreate>,
) -> Result<(StatusCode, Json<WebhookCreado>), Problema> {
    let mut e = FieldErrors::default();
    let dicha = e.required("url", datos.url, tipo::STRING);
    let url = url(&app, &mut e, dicha);
    let eventos = e.required("eventos", datos.eventos, tipo::LIST);
    let eventos = parse_names(&mut e, "eventos", eventos, 1, Evento::from_name);
    let descripcion = descripcion(&mut e, datos.descripcion).unwrap_or_default();
    let (url, eventos) = e.finish(url.zip(eventos))?;
    let secreto = new_secret(app.store().env().random()).text();
    let cambio = WebhookChange::Crear {
        url,
        descripcion,
        eventos,
        secreto: secreto.clone(),
    };
    let webhook = update(&app, &sesion, cambio).await?;
    Ok((
        StatusCode::CREATED,
        Json(WebhookCreado { webhook, secreto }),
    ))
}

/// Editar un webhook.
#[utoipa::path(patch, path = "/admin/webhooks/{id}", tag = "administracion", request_body = WebhookPatch,
    params(("id" = i64, Path, description = "Id del webhook")),
    responses((status = 200, description = "Como quedó", body = Webhook)))]
pub async fn editar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    JsonBody { datos, .. }: JsonBody<WebhookPatch>,
) -> Result<Json<Webhook>, Problema> {
    let mut e = FieldErrors::default();
    let dicha = e.optional("url", datos.url, tipo::STRING);
    let eventos = e.optional("eventos", datos.eventos, tipo::LIST);
    let cambio = WebhookChange::Editar {
        id,
        url: url(&app, &mut e, dicha),
        eventos: parse_names(&mut e, "eventos", eventos, 1, Evento::from_name),
        descripcion: descripcion(&mut e, datos.descripcion),
        activo: e.optional("activo", datos.activo, tipo::BOOLEAN),
    };
    let cambio = e.finish(Some(cambio))?;
    Ok(Json(update(&app, &sesion, cambio).await?))
}

/// Dar un secreto nuevo a un webhook.
///
/// Por un día se firma con los dos, para que el otro sistema alcance a cambiarlo.
#[utoipa::path(post, path = "/admin/webhooks/{id}/secreto", tag = "administracion",
    params(("id" = i64, Path, description = "Id del webhook")),
    responses((status = 200, description = "El webhook con su secreto nuevo", body = WebhookCreado)))]
pub async fn rotar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<Json<WebhookCreado>, Problema> {
    let secreto = new_secret(app.store().env().random()).text();
    let cambio = WebhookChange::Rotar {
        id,
        secreto: secreto.clone(),
    };
    let webhook = update(&app, &sesion, cambio).await?;
    Ok(Json(WebhookCreado { webhook, secreto }))
}

/// Eliminar un webhook.
///
/// Lo que se le debía se da por perdido.
#[utoipa::path(delete, path = "/admin/webhooks/{id}", tag = "administracion",
    params(("id" = i64, Path, description = "Id del webhook")),
    responses((status = 204, description = "Eliminado")))]
pub async fn eliminar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<StatusCode, Problema> {
    let cambio = WebhookChange::Eliminar { id };
    let actor = sesion.quien.rut;
    app.store().write(ChangeWebhook { cambio, actor }).await?;
    Ok(StatusCode::NO_CONTENT)
}
