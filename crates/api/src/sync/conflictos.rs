//! `GET /sync/conflictos`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::Serialize;
use sigra_domain::campo::Errores;
use sigra_store::sync::{self, conflictos};
use utoipa::ToSchema;

use super::Campo;
use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::Consulta,
    pagina::{self, Pagina, Pedida, cursor, huella},
    problema::Problema,
    reportes::vista::{Reporte, vista},
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
#[utoipa::path(get, path = "/sync/conflictos", tag = "sync", params(Pedida),
    responses((status = 200, description = "Una página", body = Pagina<Conflicto>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    sesion: Sesion,
    OriginalUri(uri): OriginalUri,
    Consulta(pedida): Consulta<Pedida>,
) -> Result<Response, Problema> {
    let huella = huella(&"conflictos");
    let mut e = Errores::default();
    let limite = pedida.limite(&mut e);
    e.fin(Some(()))?;
    let desde: Option<i64> = pedida.tras(&huella)?;
    let mut lectura = app.store().leer().await?;
    let (quien, catalogo) = (&sesion.quien, &sesion.catalogo);
    let todos = conflictos(
        &mut lectura,
        quien,
        catalogo,
        desde.unwrap_or(0),
        limite + 1,
    )
    .await?;
    let lugar = |c: &sync::Conflicto| cursor(&huella, c.id);
    let (todos, siguiente) = pagina::corta(todos, limite, lugar);
    let items = todos
        .into_iter()
        .map(|c| Conflicto {
            id: c.id,
            version_base: c.version_base,
            device_id: c.device_id,
            creado: c.creado.to_string(),
            campos: c.choques.into_iter().map(Into::into).collect(),
            actual: vista(&c.actual, catalogo),
        })
        .collect();
    Ok(pagina::responde(&uri, &Pagina { items, siguiente }))
}
