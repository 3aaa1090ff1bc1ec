//! `/admin/webhooks`: other systems that are told of events.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Campo, Falla,
    campo::{Errores, Lista, texto, tipo},
};
use sigra_envio::webhook::secreto_nuevo;
use sigra_store::avisos::{self, CambiarWebhook, CambioWebhook, RechazoWebhook, webhooks};
use utoipa::ToSchema;

use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::{Cuerpo, Id},
    nombres::nombres,
    problema::Problema,
};

pub const CODIGOS_LISTA: &[Codigo] = &[];
pub const CODIGOS_CREAR: &[Codigo] = &[Codigo::DemasiadosWebhooks];
pub const CODIGOS_UNO: &[Codigo] = &[Codigo::NoEncontrado];

/// What other systems can be told of.
const EVENTOS: [&str; 6] = [
    "reporte.creado",
    "reporte.cambiado",
    "reporte.decidido",
    "reporte.completo",
    "conflicto.creado",
    "dispositivo.silencioso",
];
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

impl From<avisos::Webhook> for Webhook {
    fn from(w: avisos::Webhook) -> Self {
        Self {
            id: w.id,
            url: w.url,
            descripcion: w.descripcion,
            eventos: w.eventos,
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
    url: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = true, min_items = 1, max_items = 6)]
    eventos: Campo<Lista<String, { EVENTOS.len() }>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 200)]
    descripcion: Campo<String>,
}

/// Lo que cambia de un webhook.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"activo": false}))]
pub struct WebhookPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 2_000)]
    url: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, required = false, min_items = 1, max_items = 6)]
    eventos: Campo<Lista<String, { EVENTOS.len() }>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 200)]
    descripcion: Campo<String>,
    /// Uno que no está activo no recibe; lo que se le debía se da por perdido.
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    activo: Campo<bool>,
}

fn url(app: &App, e: &mut Errores, dicha: Option<String>) -> Option<String> {
    let dicha = dicha?;
    let larga = Falla::Largo {
        min: 1,
        max: MAX_URL,
    };
    let no_sirve = Falla::Formato(
        "una dirección https de Internet, sin usuario ni clave",
        "an https address in the Internet, without user or password",
    );
    let buena = if dicha.chars().count() > MAX_URL {
        Err(larga)
    } else {
        app.cartero()
            .a_webhooks()
            .comprueba(&dicha)
            .map_err(|_| no_sirve)
    };
    e.toma("url", buena).map(String::from)
}

fn evento(nombre: &str) -> Option<String> {
    EVENTOS.contains(&nombre).then(|| nombre.to_owned())
}

fn descripcion(e: &mut Errores, dicha: Campo<String>) -> Option<String> {
    e.opcional("descripcion", dicha, tipo::TEXTO)
        .and_then(|t| e.toma("descripcion", texto(t, 0, 200, false)))
}

impl From<RechazoWebhook> for Problema {
    fn from(r: RechazoWebhook) -> Self {
        match r {
            RechazoWebhook::NoEncontrado => Codigo::NoEncontrado.into(),
            RechazoWebhook::Demasiados => Codigo::DemasiadosWebhooks.into(),
            RechazoWebhook::Fallo(f) => f.into(),
        }
    }
}

async fn cambia(app: &App, sesion: &Sesion, cambio: CambioWebhook) -> Result<Webhook, Problema> {
    let actor = sesion.quien.rut;
    let queda = app
        .store()
        .escribir(CambiarWebhook { cambio, actor })
        .await?;
    Ok(queda.ok_or(Codigo::NoEncontrado)?.into())
}

/// Ver los webhooks.
#[utoipa::path(get, path = "/admin/webhooks", tag = "administracion",
    responses((status = 200, description = "Todos, del más antiguo al más nuevo", body = Webhooks)))]
pub async fn listar(State(app): State<App>, sesion: Sesion) -> Result<Json<Webhooks>, Problema> {
    let mut lectura = app.store().leer().await?;
    let todos = webhooks(&mut lectura, sesion.ahora).await?;
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
    sesion: Sesion,
    Cuerpo { datos, .. }: Cuerpo<WebhookCreate>,
) -> Result<(StatusCode, Json<WebhookCreado>), Problema> {
    let mut e = Errores::default();
    let dicha = e.requerido("url", datos.url, tipo::TEXTO);
    let url = url(&app, &mut e, dicha);
    let eventos = e.requerido("eventos", datos.eventos, tipo::LISTA);
    let eventos = nombres(&mut e, "eventos", eventos, 1, evento);
    let descripcion = descripcion(&mut e, datos.descripcion).unwrap_or_default();
    let (url, eventos) = e.fin(url.zip(eventos))?;
    let secreto = secreto_nuevo(app.store().entorno().azar()).texto();
    let cambio = CambioWebhook::Crear {
        url,
        descripcion,
        eventos,
        secreto: secreto.clone(),
    };
    let webhook = cambia(&app, &sesion, cambio).await?;
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
    sesion: Sesion,
    Id(id): Id,
    Cuerpo { datos, .. }: Cuerpo<WebhookPatch>,
) -> Result<Json<Webhook>, Problema> {
    let mut e = Errores::default();
    let dicha = e.opcional("url", datos.url, tipo::TEXTO);
    let eventos = e.opcional("eventos", datos.eventos, tipo::LISTA);
    let cambio = CambioWebhook::Editar {
        id,
        url: url(&app, &mut e, dicha),
        eventos: nombres(&mut e, "eventos", eventos, 1, evento),
        descripcion: descripcion(&mut e, datos.descripcion),
        activo: e.opcional("activo", datos.activo, tipo::LOGICO),
    };
    let cambio = e.fin(Some(cambio))?;
    Ok(Json(cambia(&app, &sesion, cambio).await?))
}

/// Dar un secreto nuevo a un webhook.
///
/// Por un día se firma con los dos, para que el otro sistema alcance a cambiarlo.
#[utoipa::path(post, path = "/admin/webhooks/{id}/secreto", tag = "administracion",
    params(("id" = i64, Path, description = "Id del webhook")),
    responses((status = 200, description = "El webhook con su secreto nuevo", body = WebhookCreado)))]
pub async fn rotar(
    State(app): State<App>,
    sesion: Sesion,
    Id(id): Id,
) -> Result<Json<WebhookCreado>, Problema> {
    let secreto = secreto_nuevo(app.store().entorno().azar()).texto();
    let cambio = CambioWebhook::Rotar {
        id,
        secreto: secreto.clone(),
    };
    let webhook = cambia(&app, &sesion, cambio).await?;
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
    sesion: Sesion,
    Id(id): Id,
) -> Result<StatusCode, Problema> {
    let cambio = CambioWebhook::Eliminar { id };
    let actor = sesion.quien.rut;
    app.store()
        .escribir(CambiarWebhook { cambio, actor })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
