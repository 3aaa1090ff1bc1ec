//! `GET /admin/bitacora`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{Falla, Instante, bitacora::Accion, campo::Errores};
use sigra_store::{FiltroBitacora, lista_bitacora};
use utoipa::IntoParams;

use crate::{
    App,
    codigo::Codigo,
    cuerpo::Consulta,
    pagina::{self, Pagina, Pedida, cursor, entero, huella},
    problema::Problema,
    reportes::{bitacora::Entrada, lista::rut},
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
#[utoipa::path(get, path = "/admin/bitacora", tag = "administracion", params(Parametros, Pedida),
    responses((status = 200, description = "Una página", body = Pagina<Entrada>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Consulta(p): Consulta<Parametros>,
    Consulta(pedida): Consulta<Pedida>,
) -> Result<Response, Problema> {
    let huella = huella(&p);
    let mut e = Errores::default();
    let dicho = |t: &Option<String>| t.clone().filter(|t| !t.is_empty());
    let mut momento = |campo: &str, t: &Option<String>| {
        let falla = Falla::Formato(
            "2026-03-01T00:00:00Z (RFC 3339)",
            "2026-03-01T00:00:00Z (RFC 3339)",
        );
        dicho(t).and_then(|t| e.toma(campo, Instante::parse(&t).ok_or(falla)))
    };
    let (desde, hasta) = (momento("desde", &p.desde), momento("hasta", &p.hasta));
    let mut filtro = FiltroBitacora {
        reporte_id: dicho(&p.reporte_id).and_then(|t| entero("reporte_id", &t, &mut e)),
        rut: dicho(&p.rut)
            .and_then(|t| e.toma("rut", rut(&t)))
            .map(sigra_domain::Rut::cuerpo),
        accion: dicho(&p.accion).and_then(|t| {
            let accion = Accion::TODAS.into_iter().find(|a| a.nombre() == t);
            e.toma("accion", accion.ok_or(Falla::NoExiste))
        }),
        desde,
        hasta,
        antes_de: None,
    };
    let limite = pedida.limite(&mut e);
    e.fin(Some(()))?;
    filtro.antes_de = pedida.tras(&huella)?;
    let mut lectura = app.store().leer().await?;
    let entradas = lista_bitacora(&mut lectura, &filtro, limite + 1).await?;
    let (entradas, siguiente) = pagina::corta(entradas, limite, |e| cursor(&huella, e.id));
    let items = entradas.into_iter().map(Entrada::from).collect();
    Ok(pagina::responde(&uri, &Pagina { items, siguiente }))
}
