//! `GET /admin/bitacora/ajustes`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    FieldErrorKind,
    campo::{FieldErrors, text},
};
use sigra_store::list_settings_changes;
use utoipa::{IntoParams, ToSchema};

use crate::{
    App,
    body::QueryParams,
    code::Codigo,
    page::{self, PageParams, Pagina, cursor, fingerprint},
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];

/// Un cambio de usuarios, catálogos o webhooks, o una entrega que se reenvió.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "n": 12, "objeto": "usuario:12345678", "accion": "editar", "rut": 11_111_111,
    "en": "2026-03-01T12:00:00.000Z", "antes": {"rol": "trabajador"}, "despues": {"rol": "supervisor"},
    "hash": "c1f0a3d2b4e5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f"
}))]
pub struct Ajuste {
    pub n: i64,
    /// `usuario:RUT`, `area:ID`, `severidad:ID`, `estado:ID`, `transicion:DESDE-HACIA`, `webhook:ID` o `entrega:ID`.
    pub objeto: String,
    pub accion: String,
    /// Quién; null si se hizo desde la consola del servidor.
    pub rut: Option<i64>,
    #[schema(format = DateTime)]
    pub en: String,
    #[schema(value_type = Object)]
    pub antes: serde_json::Value,
    #[schema(value_type = Object)]
    pub despues: serde_json::Value,
    pub hash: String,
}

/// Filtros de la bitácora de ajustes.
#[derive(Deserialize, Serialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// `usuario:RUT`, `area:ID`, `severidad:ID`, `estado:ID`, `transicion:DESDE-HACIA`, `webhook:ID` o `entrega:ID`.
    #[param(example = "usuario:12345678")]
    objeto: Option<String>,
}

/// Ver la bitácora de ajustes.
///
/// Quién cambió qué usuario, catálogo o webhook, de qué a qué, y quién reenvió una entrega; de lo más nuevo a lo más
/// antiguo.
#[utoipa::path(get, path = "/admin/bitacora/ajustes", tag = "administracion", params(Parametros, PageParams),
    responses((status = 200, description = "Una página", body = Pagina<Ajuste>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    QueryParams(p): QueryParams<Parametros>,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Response, Problema> {
    let fingerprint = fingerprint(&p);
    let mut e = FieldErrors::default();
    let objeto = p.objeto.clone().filter(|t| !t.is_empty()).and_then(|t| {
        e.take(
            "objeto",
            text(t, 1, 100, false).map_err(|_| FieldErrorKind::NoExiste),
        )
    });
    let limite = params.limit(&mut e);
    e.finish(Some(()))?;
    let antes_de = params.after(&fingerprint)?;
    let mut conn = app.store().read().await?;
    let ajustes = list_settings_changes(&mut conn, objeto.as_deref(), antes_de, limite + 1).await?;
    let (ajustes, siguiente) =
        page::cut_page(ajustes, limite, |a| cursor(&fingerprint, a.entrada.n));
    let items = ajustes
        .into_iter()
        .map(|a| Ajuste {
            n: a.entrada.n,
            objeto: a.entrada.objeto,
            accion: a.entrada.accion,
            rut: a.entrada.rut.map(sigra_domain::Rut::body),
            en: a.entrada.en.to_string(),
            antes: a.entrada.antes.into(),
            despues: a.entrada.despues.into(),
            hash: a.hash,
        })
        .collect();
    Ok(page::respond(&uri, &Pagina { items, siguiente }))
}
