//! `GET /admin/bitacora`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{FieldErrorKind, Instante, bitacora::Accion, campo::FieldErrors};
use sigra_store::{BitacoraFilter, list_bitacora};
use utoipa::IntoParams;

use crate::{
    App,
    body::QueryParams,
    code::Codigo,
    page::{self, PageParams, Pagina, cursor, fingerprint, parse_integer},
    problem::Problema,
    reportes::{bitacora::Entrada, lista::parse_rut},
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];

/// Filtros de la bitácora.
#[derive(Deserialize, Serialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    #[param(value_type = Option<i64>, example = 17)]
    reporte_id: Option<String>,
    /// Quién lo hizo.
    rut: Option<String>,
    /// Qué se hizo.
    #[param(value_type = Option<Accion>, inline)]
    accion: Option<String>,
    /// Desde este momento, RFC 3339.
    #[param(format = DateTime)]
    desde: Option<String>,
    /// Hasta antes de este momento, RFC 3339.
    #[param(format = DateTime)]
    hasta: Option<String>,
}

/// Ver la bitácora de todos los reportes.
///
/// De la entrada más nueva a la más antigua.
#[utoipa::path(get, path = "/admin/bitacora", tag = "administracion", params(Parametros, PageParams),
    responses((status = 200, description = "Una página", body = Pagina<Entrada>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    QueryParams(p): QueryParams<Parametros>,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Response, Problema> {
    let fingerprint = fingerprint(&p);
    let mut e = FieldErrors::default();
    let dicho = |t: &Option<String>| t.clone().filter(|t| !t.is_empty());
    let mut momento = |campo: &str, t: &Option<String>| {
        let falla = FieldErrorKind::Formato(
            "2026-03-01T00:00:00Z (RFC 3339)",
            "2026-03-01T00:00:00Z (RFC 3339)",
        );
        dicho(t).and_then(|t| e.take(campo, Instante::parse(&t).ok_or(falla)))
    };
    let (desde, hasta) = (momento("desde", &p.desde), momento("hasta", &p.hasta));
    let mut filtro = BitacoraFilter {
        reporte_id: dicho(&p.reporte_id).and_then(|t| parse_integer("reporte_id", &t, &mut e)),
        rut: dicho(&p.rut)
            .and_then(|t| e.take("rut", parse_rut(&t)))
            .map(sigra_domain::Rut::body),
        accion: dicho(&p.accion).and_then(|t| {
            let accion = Accion::ALL.into_iter().find(|a| a.name() == t);
            e.take("accion", accion.ok_or(FieldErrorKind::NoExiste))
        }),
        desde,
        hasta,
        antes_de: None,
    };
    let limite = params.limit(&mut e);
    e.finish(Some(()))?;
    filtro.antes_de = params.after(&fingerprint)?;
    let mut conn = app.store().read().await?;
    let entradas = list_bitacora(&mut conn, &filtro, limite + 1).await?;
    let (entradas, siguiente) = page::cut_page(entradas, limite, |e| cursor(&fingerprint, e.id));
    let items = entradas.into_iter().map(Entrada::from).collect();
    Ok(page::respond(&uri, &Pagina { items, siguiente }))
}
