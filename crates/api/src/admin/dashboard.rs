//! `GET /admin/dashboard`

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sigra_domain::{Fecha, FieldErrorKind, campo::FieldErrors, catalogo::Catalogo, dashboard};
use sigra_store::counters::{Scope, figures};
use utoipa::{IntoParams, ToSchema};

use crate::{
    App, auth::guard::Session, body::QueryParams, code::Codigo, page::parse_integer,
    problem::Problema, reportes::lista::parse_day,
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos];

/// Days shown when nobody says which.
const DEFAULT_DAYS: i32 = 30;
/// The longest range: ten years.
const MAX_DAYS: i64 = 3_660;

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// Primer día de `fecha_reporte`, inclusive; si no se dice, 29 días antes de `hasta`.
    #[param(format = Date)]
    desde: Option<String>,
    /// Último día de `fecha_reporte`, inclusive; si no se dice, hoy en la faena.
    #[param(format = Date)]
    hasta: Option<String>,
    /// Una sola área; si no se dice, todas las que quien pregunta tiene a cargo.
    #[param(value_type = Option<i64>, example = 1)]
    area_id: Option<String>,
}

/// Los reportes de unos días, en cifras.
///
/// Todas son de un mismo momento, y ninguna cuenta los reportes retirados.
#[derive(Serialize, ToSchema)]
pub struct Dashboard {
    #[schema(format = DateTime, example = "2026-03-01T21:40:02.117Z")]
    pub hora_servidor: String,
    #[schema(format = Date, example = "2026-01-31")]
    pub desde: String,
    #[schema(format = Date, example = "2026-03-01")]
    pub hasta: String,
    /// Reportes.
    #[schema(example = 124)]
    pub total: i64,
    /// Los que están en un estado final.
    #[schema(example = 94)]
    pub decididos: i64,
    pub por_estado: Vec<Parte>,
    #[schema(example = json!([{"id": 3, "nombre": "Chancado y Molienda", "reportes": 30}]))]
    pub por_area: Vec<Parte>,
    pub por_severidad: Vec<PorSeveridad>,
    /// Solo los días con reportes; de más de 366 días, los meses.
    pub serie: Vec<Punto>,
    pub indicadores: Indicadores,
}

/// Los reportes de un estado o de un área.
#[derive(Serialize, ToSchema)]
pub struct Parte {
    #[schema(example = 1)]
    pub id: i64,
    #[schema(example = "Pendiente")]
    pub nombre: String,
    #[schema(example = 30)]
    pub reportes: i64,
}

/// Los reportes de una severidad.
#[derive(Serialize, ToSchema)]
pub struct PorSeveridad {
    #[schema(example = 3)]
    pub id: i64,
    #[schema(example = "Alta")]
    pub nombre: String,
    #[schema(example = 41)]
    pub reportes: i64,
    /// Horas, desde que llegan, en que deben decidirse.
    #[schema(example = 24)]
    pub meta_horas: i64,
    #[schema(example = 38)]
    pub decididos: i64,
    /// Los que se decidieron dentro de la meta que valía entonces.
    #[schema(example = 36)]
    pub a_tiempo: i64,
}

/// Los reportes de un día o de un mes.
#[derive(Serialize, ToSchema)]
pub struct Punto {
    /// `AAAA-MM-DD` o `AAAA-MM`.
    #[schema(example = "2026-03-01")]
    pub periodo: String,
    #[schema(example = 7)]
    pub reportes: i64,
    /// Los que están decididos ahora.
    #[schema(example = 5)]
    pub decididos: i64,
}

/// Cuánto se tarda y qué falta.
#[derive(Serialize, ToSchema)]
pub struct Indicadores {
    /// Desde que un reporte llega hasta que se decide.
    pub horas_a_decision: Percentiles,
    /// Desde que se crea en el teléfono, por el reloj de este, hasta que llega.
    pub horas_a_sync: Percentiles,
    /// De los decididos, la parte que lo fue dentro de la meta de su severidad, de 0 a 1; null si no hay.
    #[schema(example = 0.93)]
    pub decididos_en_meta: Option<f64>,
    /// El que lleva más tiempo sin decidir hasta `hasta`, también si es anterior a `desde`.
    pub pendiente_mas_antiguo: Option<MasAntiguo>,
    /// Reportes con `sync_status` `conflicto`.
    #[schema(example = 2)]
    pub conflictos_abiertos: i64,
    /// Reportes con `sync_status` `multimedia_pendiente`.
    #[schema(example = 5)]
    pub multimedia_faltante: i64,
    /// Teléfonos de personas activas que no sincronizan hace más que el límite de la faena, los use quien los use; solo para
    /// administradores y todas las áreas.
    #[schema(example = 1)]
    pub dispositivos_silenciosos: Option<i64>,
}

/// Horas que la mitad, y 9 de cada 10, no superan.
///
/// Con un error de 1/32 (3 %), o un minuto si eso es más; null si no hay.
#[derive(Serialize, ToSchema)]
pub struct Percentiles {
    #[schema(example = 3.28)]
    pub p50: Option<f64>,
    #[schema(example = 40.53)]
    pub p90: Option<f64>,
    /// De cuántos reportes.
    #[schema(example = 94)]
    pub reportes: i64,
}

/// El reporte sin decidir que espera hace más, por `fecha_reporte`.
#[derive(Serialize, ToSchema)]
pub struct MasAntiguo {
    #[schema(example = 17)]
    pub id: i64,
    #[schema(format = DateTime, example = "2026-02-27T11:12:13.000Z")]
    pub hora_sincronizado: String,
    /// Desde que llegó.
    #[schema(example = 58.46)]
    pub horas: f64,
}

/// Ver el tablero.
///
/// De las áreas a cargo de quien pregunta, o de todas si es administrador.
#[utoipa::path(get, path = "/admin/dashboard", tag = "administracion", params(Parametros),
    responses((status = 200, description = "Las cifras de este momento", body = Dashboard)))]
pub async fn ver(
    State(app): State<App>,
    sesion: Session,
    QueryParams(p): QueryParams<Parametros>,
) -> Result<Json<Dashboard>, Problema> {
    let ahora = app.store().env().now();
    let (desde, hasta, area) = p.validate(app.zona().fecha(ahora), &sesion.catalogo)?;
    let quien = &sesion.quien;
    if area.is_some_and(|a| !quien.can_decide(a)) {
        return Err(Codigo::SinPermiso.into());
    }
    let a_cargo = (!quien.sees_all()).then(|| quien.supervised_areas().to_vec());
    let alcance = Scope {
        desde,
        hasta,
        areas: area.map(|a| vec![a]).or(a_cargo),
        callados_desde: ahora.plus(-app.silence_ms()),
    };
    let mut lectura = app.store().read().await?;
    let f = figures(&mut lectura, &alcance).await?;
    drop(lectura);
    let d = dashboard::Dashboard::new(&f, &sesion.catalogo, alcance.areas.as_deref(), ahora);
    Ok(Json(Dashboard {
        hora_servidor: ahora.to_string(),
        desde: desde.to_string(),
        hasta: hasta.to_string(),
        total: d.total,
        decididos: d.decididos,
        por_estado: d.por_estado.into_iter().map(Parte::from).collect(),
        por_area: d.por_area.into_iter().map(Parte::from).collect(),
        por_severidad: d
            .por_severidad
            .into_iter()
            .map(PorSeveridad::from)
            .collect(),
        serie: d.serie.into_iter().map(Punto::from).collect(),
        indicadores: Indicadores {
            horas_a_decision: d.horas_a_decision.into(),
            horas_a_sync: d.horas_a_sync.into(),
            decididos_en_meta: d.decididos_en_meta,
            pendiente_mas_antiguo: d.mas_antiguo.map(MasAntiguo::from),
            conflictos_abiertos: d.conflictos_abiertos,
            multimedia_faltante: d.multimedia_faltante,
            dispositivos_silenciosos: d.dispositivos_silenciosos,
        },
    }))
}

impl Parametros {
    fn validate(
        &self,
        hoy: Fecha,
        catalogo: &Catalogo,
    ) -> Result<(Fecha, Fecha, Option<i64>), Problema> {
        let mut e = FieldErrors::default();
        let hasta = parse_day("hasta", self.hasta.as_deref(), &mut e);
        let desde = parse_day("desde", self.desde.as_deref(), &mut e);
        let hasta = hasta.unwrap_or_else(|| desde.map_or(hoy, |d| d.max(hoy)));
        let desde = desde.unwrap_or_else(|| hasta.plus_days(1 - DEFAULT_DAYS));
        if !(0..MAX_DAYS).contains(&desde.days_until(hasta)) {
            let (min, max) = (hasta.plus_days(1 - 3_660).to_string(), hasta.to_string());
            e.add("desde", FieldErrorKind::Rango { min, max });
        }
        let area = self.area_id.as_deref().filter(|t| !t.is_empty());
        let area = area.and_then(|t| parse_integer("area_id", t, &mut e));
        if area.is_some_and(|a| catalogo.area(a).is_none()) {
            e.add("area_id", FieldErrorKind::NoExiste);
        }
        Ok(e.finish(Some((desde, hasta, area)))?)
    }
}

impl From<dashboard::Part<'_>> for Parte {
    fn from(p: dashboard::Part<'_>) -> Self {
        Self {
            id: p.id,
            nombre: p.nombre.to_owned(),
            reportes: p.reportes,
        }
    }
}

impl From<dashboard::SeveridadPart<'_>> for PorSeveridad {
    fn from(p: dashboard::SeveridadPart<'_>) -> Self {
        Self {
            id: p.id,
            nombre: p.nombre.to_owned(),
            reportes: p.reportes,
            meta_horas: p.meta_horas,
            decididos: p.decididos,
            a_tiempo: p.a_tiempo,
        }
    }
}

impl From<dashboard::Point> for Punto {
    fn from(p: dashboard::Point) -> Self {
        Self {
            periodo: p.periodo,
            reportes: p.reportes,
            decididos: p.decididos,
        }
    }
}

impl From<dashboard::Percentiles> for Percentiles {
    fn from(p: dashboard::Percentiles) -> Self {
        Self {
            p50: p.p50,
            p90: p.p90,
            reportes: p.reportes,
        }
    }
}

impl From<dashboard::Wait> for MasAntiguo {
    fn from(m: dashboard::Wait) -> Self {
        Self {
            id: m.id,
            hora_sincronizado: m.hora_sincronizado.to_string(),
            horas: m.horas,
        }
    }
}
