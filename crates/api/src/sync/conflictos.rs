//! `GET /sync/conflictos`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::campo::Errores;
use sigra_store::sync::{self, conflictos};
use utoipa::{IntoParams, ToSchema};

use super::Campo;
use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::Consulta,
    pagina::{self, Pagina, cursor, huella, lee_cursor},
    problema::Problema,
    reportes::vista::{Reporte, vista},
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// 1 a 200; 50 si no se dice.
    limite: Option<String>,
    cursor: Option<String>,
}

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
#[utoipa::path(get, path = "/sync/conflictos", tag = "sync", params(Parametros),
    responses((status = 200, description = "Una página", body = Pagina<Conflicto>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    sesion: Sesion,
    OriginalUri(uri): OriginalUri,
    Consulta(p): Consulta<Parametros>,
) -> Result<Response, Problema> {
    let huella = huella(&"conflictos");
    let mut e = Errores::default();
    let limite = pagina::limite(p.limite.as_deref(), &mut e);
    e.fin(Some(()))?;
    let desde = p.cursor.filter(|c| !c.is_empty());
    let desde = desde.map(|c| lee_cursor(&huella, &c)).transpose()?;
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
