//! `GET /admin/dispositivos`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::Serialize;
use sigra_domain::{campo::FieldErrors, reporte::device_id};
use sigra_store::sync::{self, dispositivos};
use utoipa::ToSchema;

use crate::{
    App,
    auth::guard::Session,
    body::QueryParams,
    code::Codigo,
    page::{self, PageParams, Pagina, cursor, fingerprint},
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];

/// Un teléfono y una de las personas que lo usan.
#[derive(Serialize, ToSchema)]
pub struct Dispositivo {
    #[schema(example = "moto-e7-0042")]
    pub device_id: String,
    #[schema(example = 12_345_678)]
    pub rut: i64,
    /// Nombre de la persona.
    #[schema(example = "Rosa Díaz")]
    pub usuario: String,
    #[schema(example = "2.4.1")]
    pub app_version: Option<String>,
    #[schema(format = DateTime, example = "2026-02-03T12:00:00.000Z")]
    pub primer_sync: String,
    #[schema(format = DateTime, example = "2026-03-01T21:40:02.117Z")]
    pub last_sync: String,
    /// El reloj del servidor menos el del teléfono, en milisegundos.
    #[schema(example = 2_117)]
    pub desfase_reloj_ms: i64,
    /// Reportes que el teléfono dijo tener sin enviar.
    #[schema(example = 0)]
    pub pendientes: Option<i64>,
    /// No ha sincronizado, lo use quien lo use, en más tiempo que el límite de la faena.
    #[schema(example = false)]
    pub silencioso: bool,
}

/// Ver los teléfonos.
///
/// Por teléfono y persona.
#[utoipa::path(get, path = "/admin/dispositivos", tag = "administracion", params(PageParams),
    responses((status = 200, description = "Una página", body = Pagina<Dispositivo>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    sesion: Session,
    OriginalUri(uri): OriginalUri,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Response, Problema> {
    let fingerprint = fingerprint(&"dispositivos");
    let mut e = FieldErrors::default();
    let limite = params.limit(&mut e);
    e.finish(Some(()))?;
    let desde = params
        .after(&fingerprint)?
        .map(parse_position)
        .transpose()?;
    let mut conn = app.store().read().await?;
    let todos = dispositivos(&mut conn, desde.as_ref(), limite + 1).await?;
    let ultimo = |d: &sync::Dispositivo| cursor(&fingerprint, (&d.device_id, d.rut));
    let (todos, siguiente) = page::cut_page(todos, limite, ultimo);
    let silencio = sesion.ahora.plus(-app.silence_ms());
    let items = todos
        .into_iter()
        .map(|d| Dispositivo {
            device_id: d.device_id,
            rut: d.rut,
            usuario: d.nombre,
            app_version: d.app_version,
            primer_sync: d.primer_sync.to_string(),
            last_sync: d.last_sync.to_string(),
            desfase_reloj_ms: d.desfase_reloj_ms,
            pendientes: d.pendientes,
            silencioso: d.visto < silencio,
        })
        .collect();
    Ok(page::respond(&uri, &Pagina { items, siguiente }))
}

/// The phone and person after which a page begins. What is no phone's name names no place either, and
/// PostgreSQL would not even compare a NUL.
fn parse_position((device, rut): (String, i64)) -> Result<(String, i64), Problema> {
    let device = device_id(device).map_err(|_| Codigo::CursorInvalido)?;
    Ok((device, rut))
}
