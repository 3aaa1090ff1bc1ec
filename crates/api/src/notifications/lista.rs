//! `GET /notificaciones`

use axum::{
    extract::{OriginalUri, State},
    http::HeaderMap,
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{FieldErrorKind, Language, aviso::AvisoText, campo::FieldErrors};
use sigra_store::notifications::{self, inbox};
use utoipa::{IntoParams, ToSchema};

use crate::{
    App,
    auth::guard::Session,
    body::QueryParams,
    code::Codigo,
    page::{self, PageParams, Pagina, cursor, fingerprint},
    problem::{Problema, headers_language},
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];

#[derive(Deserialize, Serialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// `true`: solo las que no ha leído.
    #[param(example = "true")]
    sin_leer: Option<String>,
}

/// Algo que se avisó a quien pregunta.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 31, "evento": "reporte.decidido", "reporte_id": 17, "version": 2,
    "asunto": "Su reporte quedó en Aprobado: Roca suelta en galería 4",
    "texto": "Ana Soto decidió su reporte de Chancado y Molienda, «Roca suelta en galería 4»: quedó en Aprobado. Si el peligro sigue, envíe un reporte nuevo.",
    "url": "/reportes/17", "creada": "2026-03-01T21:40:02.117Z", "leida": null
}))]
pub struct Notificacion {
    pub id: i64,
    /// `reporte.creado`, `reporte.trasladado`, `reporte.decidido`, `reporte.cambiado`, `reporte.comentado`,
    /// `reporte.sin_abrir`, `reporte.sin_archivos`, `conflicto.creado`, `dispositivo.silencioso`, `accion.pedida`, `accion.hecha`,
    /// `accion.verificada` o `accion.vencida`.
    pub evento: String,
    /// null si no se trata de un reporte.
    pub reporte_id: Option<i64>,
    /// La versión del reporte de que se trata.
    pub version: i64,
    /// Una línea.
    pub asunto: String,
    /// Qué pasó, dónde, quién lo hizo y qué se espera de quien lee.
    pub texto: String,
    /// Dónde está el reporte.
    pub url: Option<String>,
    #[schema(format = DateTime)]
    pub creada: String,
    /// Cuándo la leyó; null si no la ha leído.
    #[schema(format = DateTime)]
    pub leida: Option<String>,
}

/// Ver mis notificaciones.
///
/// De la más nueva a la más antigua; se guardan 90 días. En el idioma de `Accept-Language`.
#[utoipa::path(get, path = "/notificaciones", tag = "notificaciones", params(Parametros, PageParams),
    responses((status = 200, description = "Una página", body = Pagina<Notificacion>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    sesion: Session,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    QueryParams(p): QueryParams<Parametros>,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Response, Problema> {
    let rut = sesion.quien.rut;
    let fingerprint = fingerprint(&("notificaciones", &p, rut));
    let mut e = FieldErrors::default();
    let limite = params.limit(&mut e);
    let sin_leer = match p.sin_leer.as_deref() {
        None | Some("" | "false") => false,
        Some("true") => true,
        Some(_) => {
            e.add(
                "sin_leer",
                FieldErrorKind::Formato("true o false", "true or false"),
            );
            false
        }
    };
    e.finish(Some(()))?;
    let antes_de = params.after(&fingerprint)?;
    let mut conn = app.store().read().await?;
    let todas = inbox(&mut conn, rut, sin_leer, antes_de, limite + 1).await?;
    drop(conn);
    let ultima = |n: &notifications::Notificacion| cursor(&fingerprint, n.id);
    let (todas, siguiente) = page::cut_page(todas, limite, ultima);
    let idioma = headers_language(&headers);
    let items = todas.iter().map(|n| to_dto(n, idioma)).collect();
    Ok(page::respond(&uri, &Pagina { items, siguiente }))
}

pub fn to_dto(n: &notifications::Notificacion, idioma: Language) -> Notificacion {
    let AvisoText { asunto, cuerpo } = n.aviso.text(&n.datos, idioma);
    Notificacion {
        id: n.id,
        evento: n.aviso.name().to_owned(),
        reporte_id: n.reporte_id,
        version: n.version,
        asunto,
        texto: cuerpo,
        url: n.reporte_id.map(|id| format!("/reportes/{id}")),
        creada: n.creada.to_string(),
        leida: n.leida.map(|t| t.to_string()),
    }
}
