//! `GET /reportes`

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Falla, Fecha,
    busqueda::{MAX_CONSULTA, MAX_TERMINOS, terminos},
    campo::{Errores, texto},
    catalogo::Catalogo,
    reporte::SyncStatus,
    rut::{Rut, RutInvalido},
};
use sigra_store::reportes::{ClaveOrden, Filtro, Orden, lista};
use utoipa::IntoParams;

use super::vista::{Reporte, vista};
use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::Consulta,
    pagina::{self, Pagina, Pedida, cursor, entero, huella},
    problema::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];

/// The most values that one filter takes.
const MAX_VALORES: usize = 50;

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
#[utoipa::path(get, path = "/reportes", tag = "reportes", params(Filtros, Parametros, Pedida),
    responses((status = 200, description = "Una página", body = Pagina<Reporte>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    sesion: Sesion,
    OriginalUri(uri): OriginalUri,
    Consulta(f): Consulta<Filtros>,
    Consulta(p): Consulta<Parametros>,
    Consulta(pedida): Consulta<Pedida>,
) -> Result<Response, Problema> {
    let huella = huella(&(&f, &p, sesion.quien.rut));
    let mut e = Errores::default();
    let filtro = f.filtro(&sesion.catalogo, &mut e);
    let orden = p.orden(&mut e);
    let limite = pedida.limite(&mut e);
    e.fin(Some(()))?;
    let despues: Option<(ClaveOrden, i64)> = pedida.tras(&huella)?;
    if despues
        .as_ref()
        .is_some_and(|(clave, _)| !orden.admite(clave))
    {
        return Err(Codigo::CursorInvalido.into());
    }
    let mut lectura = app.store().leer().await?;
    // One more than the page tells whether there is another.
    let mut filas = lista(
        &mut lectura,
        &sesion.quien,
        &filtro,
        orden,
        despues.as_ref(),
        limite + 1,
    )
    .await?;
    drop(lectura);
    let sigue = filas.len() > usize::try_from(limite).unwrap_or(usize::MAX);
    filas.truncate(usize::try_from(limite).unwrap_or(usize::MAX));
    let siguiente = filas
        .last()
        .filter(|_| sigue)
        .and_then(|l| cursor(&huella, (orden.clave(l), l.reporte.id)));
    let items = filas.iter().map(|l| vista(l, &sesion.catalogo)).collect();
    Ok(pagina::responde(&uri, &Pagina { items, siguiente }))
}

impl Filtros {
    pub fn filtro(&self, catalogo: &Catalogo, e: &mut Errores) -> Filtro {
        for (campo, valores) in [
            ("estado", &self.estado),
            ("area_id", &self.area_id),
            ("severidad_id", &self.severidad_id),
            ("rut", &self.rut),
            ("sync_status", &self.sync_status),
        ] {
            if valores.len() > MAX_VALORES {
                e.agrega(campo, Falla::Demasiados { max: MAX_VALORES });
            }
        }
        let dichos = |v: &[String]| -> Vec<String> {
            v.iter()
                .filter(|t| !t.is_empty())
                .take(MAX_VALORES)
                .cloned()
                .collect()
        };
        Filtro {
            estados: dichos(&self.estado)
                .iter()
                .filter_map(|t| e.toma("estado", estado(t, catalogo)))
                .collect(),
            areas: dichos(&self.area_id)
                .iter()
                .filter_map(|t| entero("area_id", t, e))
                .collect(),
            severidades: dichos(&self.severidad_id)
                .iter()
                .filter_map(|t| entero("severidad_id", t, e))
                .collect(),
            ruts: dichos(&self.rut)
                .iter()
                .filter_map(|t| e.toma("rut", rut(t)))
                .map(Rut::cuerpo)
                .collect(),
            desde: dia("desde", self.desde.as_deref(), e),
            hasta: dia("hasta", self.hasta.as_deref(), e),
            sync_status: dichos(&self.sync_status)
                .iter()
                .filter_map(|t| {
                    e.toma(
                        "sync_status",
                        SyncStatus::de_nombre(t).ok_or(Falla::NoExiste),
                    )
                })
                .collect(),
            terminos: self
                .q
                .clone()
                .and_then(|q| e.toma("q", texto(q, 0, MAX_CONSULTA, true)))
                .map(|q| {
                    if q.split_whitespace().count() > MAX_TERMINOS {
                        e.agrega("q", Falla::Demasiados { max: MAX_TERMINOS });
                    }
                    terminos(&q)
                })
                .unwrap_or_default(),
        }
    }
}

impl Parametros {
    fn orden(&self, e: &mut Errores) -> Orden {
        match self.orden.as_deref() {
            None | Some("") => Orden::NORMAL,
            Some(nombre) => Orden::de_nombre(nombre).unwrap_or_else(|| {
                e.agrega("orden", Falla::NoExiste);
                Orden::NORMAL
            }),
        }
    }
}

/// By id or by name, whatever its case.
fn estado(t: &str, catalogo: &Catalogo) -> Result<i64, Falla> {
    let por_id = t.parse().ok();
    catalogo
        .estados
        .iter()
        .find(|s| Some(s.id) == por_id || s.nombre.to_lowercase() == t.to_lowercase())
        .map(|s| s.id)
        .ok_or(Falla::NoExiste)
}

/// A RUT in a query or path.
pub fn rut(t: &str) -> Result<Rut, Falla> {
    Rut::parse(t).map_err(|e| match e {
        RutInvalido::Digito => Falla::DigitoVerificador,
        RutInvalido::Formato => {
            Falla::Formato("12345678 o 12.345.678-5", "12345678 or 12.345.678-5")
        }
    })
}

/// A day in a query.
pub fn dia(campo: &str, t: Option<&str>, e: &mut Errores) -> Option<Fecha> {
    let t = t.filter(|t| !t.is_empty())?;
    e.toma(
        campo,
        Fecha::parse(t).ok_or(Falla::Formato("AAAA-MM-DD", "YYYY-MM-DD")),
    )
}
