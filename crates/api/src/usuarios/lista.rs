//! `GET /usuarios`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{FieldErrorKind, campo::FieldErrors};
use sigra_store::identity::{UsuarioFilter, list_usuarios};
use utoipa::IntoParams;

use super::dto::{Usuario, parse_rol};
use crate::{
    App,
    body::QueryParams,
    code::Codigo,
    page::{self, PageParams, Pagina, cursor, fingerprint},
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];

/// Filtros de la lista de usuarios.
#[derive(Deserialize, Serialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// `administrador`, `supervisor` o `trabajador`.
    rol: Option<String>,
    /// `true` o `false`.
    activo: Option<String>,
}

/// Listar usuarios.
///
/// En orden de RUT.
#[utoipa::path(get, path = "/usuarios", tag = "usuarios", params(Parametros, PageParams),
    responses((status = 200, description = "Una página", body = Pagina<Usuario>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    QueryParams(p): QueryParams<Parametros>,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Response, Problema> {
    let fingerprint = fingerprint(&p);
    let mut e = FieldErrors::default();
    let dicho = |t: &Option<String>| t.clone().filter(|t| !t.is_empty());
    let mut filtro = UsuarioFilter {
        rol: dicho(&p.rol).and_then(|t| e.take("rol", parse_rol(&t))),
        activo: dicho(&p.activo).and_then(|t| {
            let valor = match t.as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(FieldErrorKind::Formato("true o false", "true or false")),
            };
            e.take("activo", valor)
        }),
        despues: None,
    };
    let limite = params.limit(&mut e);
    e.finish(Some(()))?;
    filtro.despues = params.after(&fingerprint)?;
    let mut conn = app.store().read().await?;
    let usuarios = list_usuarios(&mut conn, &filtro, limite + 1).await?;
    let (usuarios, siguiente) =
        page::cut_page(usuarios, limite, |u| cursor(&fingerprint, u.rut.body()));
    let items = usuarios.into_iter().map(Usuario::from).collect();
    Ok(page::respond(&uri, &Pagina { items, siguiente }))
}
