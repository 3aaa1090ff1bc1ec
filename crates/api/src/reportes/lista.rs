//! `GET /reportes`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Fecha, FieldErrorKind,
    campo::{FieldErrors, text},
    catalogo::Catalogo,
    reporte::SyncStatus,
    rut::{InvalidRut, Rut},
    search::{MAX_QUERY, MAX_TERMS, terms},
};
use sigra_store::reportes::{ReporteFilter, SortKey, SortOrder, list_reportes};
use utoipa::IntoParams;

use super::dto::{Reporte, to_dto};
use crate::{
    App,
    auth::guard::Session,
    body::QueryParams,
    code::Codigo,
    page::{self, PageParams, Pagina, cursor, fingerprint, parse_integer},
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];

/// The most values that one filter takes.
const MAX_VALUES: usize = 50;

/// Filtros de la lista; los que son listas se repiten (`estado=1&estado=2`).
#[derive(Deserialize, Serialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Filtros {
    /// Estado, por id o por nombre.
    #[param(example = json!(["Pendiente"]))]
    estado: Vec<String>,
    #[param(value_type = Vec<i64>, example = json!([1]))]
    area_id: Vec<String>,
    #[param(value_type = Vec<i64>, example = json!([3]))]
    severidad_id: Vec<String>,
    /// RUT del autor.
    rut: Vec<String>,
    /// Primer día de `fecha_reporte`, inclusive.
    #[param(format = Date)]
    desde: Option<String>,
    /// Último día de `fecha_reporte`, inclusive.
    #[param(format = Date)]
    hasta: Option<String>,
    /// `completo`, `multimedia_pendiente` o `conflicto`.
    sync_status: Vec<String>,
    /// Palabras que deben estar en el título o la descripción, sin importar mayúsculas ni acentos.
    #[param(max_length = 200)]
    q: Option<String>,
}

/// El orden de la lista.
#[derive(Deserialize, Serialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// `hora_creado`, `hora_sincronizado`, `fecha_reporte` o `id`; con `-`, de mayor a menor.
    #[param(example = "-hora_creado")]
    orden: Option<String>,
}

/// Listar reportes.
///
/// Solo los que quien pregunta puede ver, sin los retirados. Recorrer todas las páginas mientras
/// otros escriben muestra una vez cada reporte que calzó todo el tiempo.
#[utoipa::path(get, path = "/reportes", tag = "reportes", params(Filtros, Parametros, PageParams),
    responses((status = 200, description = "Una página", body = Pagina<Reporte>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    sesion: Session,
    OriginalUri(uri): OriginalUri,
    QueryParams(f): QueryParams<Filtros>,
    QueryParams(p): QueryParams<Parametros>,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Response, Problema> {
    let fingerprint = fingerprint(&(&f, &p, sesion.quien.rut));
    let mut e = FieldErrors::default();
    let filtro = f.to_filter(&sesion.catalogo, &mut e);
    let orden = p.sort_order(&mut e);
    let limite = params.limit(&mut e);
    e.finish(Some(()))?;
    let despues: Option<(SortKey, i64)> = params.after(&fingerprint)?;
    if despues
        .as_ref()
        .is_some_and(|(clave, _)| !orden.allows(clave))
    {
        return Err(Codigo::CursorInvalido.into());
    }
    let mut conn = app.store().read().await?;
    // One more than the page tells whether there is another.
    let mut filas = list_reportes(
        &mut conn,
        &sesion.quien,
        &filtro,
        orden,
        despues.as_ref(),
        limite + 1,
    )
    .await?;
    drop(conn);
    let sigue = filas.len() > usize::try_from(limite).unwrap_or(usize::MAX);
    filas.truncate(usize::try_from(limite).unwrap_or(usize::MAX));
    let siguiente = filas
        .last()
        .filter(|_| sigue)
        .and_then(|l| cursor(&fingerprint, (orden.key(l), l.reporte.id)));
    let items = filas.iter().map(|l| to_dto(l, &sesion.catalogo)).collect();
    Ok(page::respond(&uri, &Pagina { items, siguiente }))
}

impl Filtros {
    pub fn to_filter(&self, catalogo: &Catalogo, e: &mut FieldErrors) -> ReporteFilter {
        for (campo, valores) in [
            ("estado", &self.estado),
            ("area_id", &self.area_id),
            ("severidad_id", &self.severidad_id),
            ("rut", &self.rut),
            ("sync_status", &self.sync_status),
        ] {
            if valores.len() > MAX_VALUES {
                e.add(campo, FieldErrorKind::Demasiados { max: MAX_VALUES });
            }
        }
        let dichos = |v: &[String]| -> Vec<String> {
            v.iter()
                .filter(|t| !t.is_empty())
                .take(MAX_VALUES)
                .cloned()
                .collect()
        };
        ReporteFilter {
            estados: dichos(&self.estado)
                .iter()
                .filter_map(|t| e.take("estado", estado(t, catalogo)))
                .collect(),
            areas: dichos(&self.area_id)
                .iter()
                .filter_map(|t| parse_integer("area_id", t, e))
                .collect(),
            severidades: dichos(&self.severidad_id)
                .iter()
                .filter_map(|t| parse_integer("severidad_id", t, e))
                .collect(),
            ruts: dichos(&self.rut)
                .iter()
                .filter_map(|t| e.take("rut", parse_rut(t)))
                .map(Rut::body)
                .collect(),
            desde: parse_day("desde", self.desde.as_deref(), e),
            hasta: parse_day("hasta", self.hasta.as_deref(), e),
            sync_status: dichos(&self.sync_status)
                .iter()
                .filter_map(|t| {
                    e.take(
                        "sync_status",
                        SyncStatus::from_name(t).ok_or(FieldErrorKind::NoExiste),
                    )
                })
                .collect(),
            terminos: self
                .q
                .clone()
                .and_then(|q| e.take("q", text(q, 0, MAX_QUERY, true)))
                .map(|q| {
                    if q.split_whitespace().count() > MAX_TERMS {
                        e.add("q", FieldErrorKind::Demasiados { max: MAX_TERMS });
                    }
                    terms(&q)
                })
                .unwrap_or_default(),
        }
    }
}

impl Parametros {
    fn sort_order(&self, e: &mut FieldErrors) -> SortOrder {
        match self.orden.as_deref() {
            None | Some("") => SortOrder::DEFAULT,
            Some(nombre) => SortOrder::from_name(nombre).unwrap_or_else(|| {
                e.add("orden", FieldErrorKind::NoExiste);
                SortOrder::DEFAULT
            }),
        }
    }
}

/// By id or by name, whatever its case.
fn estado(t: &str, catalogo: &Catalogo) -> Result<i64, FieldErrorKind> {
    let por_id = t.parse().ok();
    catalogo
        .estados
        .iter()
        .find(|s| Some(s.id) == por_id || s.nombre.to_lowercase() == t.to_lowercase())
        .map(|s| s.id)
        .ok_or(FieldErrorKind::NoExiste)
}

/// A RUT in a query or path.
pub fn parse_rut(t: &str) -> Result<Rut, FieldErrorKind> {
    Rut::parse(t).map_err(|e| match e {
        InvalidRut::Digito => FieldErrorKind::DigitoVerificador,
        InvalidRut::Formato => {
            FieldErrorKind::Formato("12345678 o 12.345.678-5", "12345678 or 12.345.678-5")
        }
    })
}

/// A day in a query.
pub fn parse_day(campo: &str, t: Option<&str>, e: &mut FieldErrors) -> Option<Fecha> {
    let t = t.filter(|t| !t.is_empty())?;
    e.take(
        campo,
        Fecha::parse(t).ok_or(FieldErrorKind::Formato("AAAA-MM-DD", "YYYY-MM-DD")),
    )
}
