//! `GET /sync/conflictos`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::Serialize;
use sigra_domain::campo::FieldErrors;
use sigra_store::sync::{self, conflictos};
use utoipa::ToSchema;

use super::Campo;
use crate::{
    App,
    auth::guard::Session,
    body::QueryParams,
    code::Codigo,
    page::{self, PageParams, Pagina, cursor, fingerprint},
    problem::Problema,
    reportes::dto::{Reporte, to_dto},
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];

/// Un cambio que no se pudo mezclar y espera una decisión.
#[derive(Serialize, ToSchema)]
pub struct Conflicto {
    #[schema(example = 3)]
    pub id: i64,
    /// Sobre qué versión editó el teléfono, si lo dijo.
    #[schema(example = 1)]
    pub version_base: Option<i64>,
    #[schema(example = "moto-e7-0042")]
    pub device_id: String,
    #[schema(format = DateTime, example = "2026-03-01T21:40:02.117Z")]
    pub creado: String,
    /// Los que chocan con el reporte como está ahora.
    pub campos: Vec<Campo>,
    pub actual: Reporte,
}

/// Ver los conflictos sin resolver.
///
/// De los reportes propios y de los que la persona puede decidir, en el orden en que aparecieron.
#[utoipa::path(get, path = "/sync/conflictos", tag = "sync", params(PageParams),
    responses((status = 200, description = "Una página", body = Pagina<Conflicto>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    sesion: Session,
    OriginalUri(uri): OriginalUri,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Response, Problema> {
    let fingerprint = fingerprint(&"conflictos");
    let mut e = FieldErrors::default();
    let limite = params.limit(&mut e);
    e.finish(Some(()))?;
    let desde: Option<i64> = params.after(&fingerprint)?;
    let mut conn = app.store().read().await?;
    let (quien, catalogo) = (&sesion.quien, &sesion.catalogo);
    let todos = conflictos(&mut conn, quien, catalogo, desde.unwrap_or(0), limite + 1).await?;
    let position = |c: &sync::Conflicto| cursor(&fingerprint, c.id);
    let (todos, siguiente) = page::cut_page(todos, limite, position);
    let items = todos
        .into_iter()
        .map(|c| Conflicto {
            id: c.id,
            version_base: c.version_base,
            device_id: c.device_id,
            creado: c.creado.to_string(),
            campos: c.choques.into_iter().map(Into::into).collect(),
            actual: to_dto(&c.actual, catalogo),
        })
        .collect();
    Ok(page::respond(&uri, &Pagina { items, siguiente }))
}
