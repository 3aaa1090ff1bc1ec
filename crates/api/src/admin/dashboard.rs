//! `GET /admin/dashboard`

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Fecha, FieldErrorKind,
    campo::FieldErrors,
    catalogo::Catalogo,
    counters::{Histogram, Metric, sync_value},
    reporte::SyncStatus,
};
use sigra_store::counters::{Figures, Scope, figures};
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
    let mut conn = app.store().read().await?;
    let f = figures(&mut conn, &alcance).await?;
    drop(conn);
    let mas_antiguo = f.mas_antiguo.map(|m| MasAntiguo {
        id: m.id,
        hora_sincronizado: m.hora_sincronizado.to_string(),
        horas: hours_between(m.hora_sincronizado.0, ahora.0),
    });
    let c = FigureSums::from_figures(&f, &sesion.catalogo);
    Ok(Json(Dashboard {
        hora_servidor: ahora.to_string(),
        desde: desde.to_string(),
        hasta: hasta.to_string(),
        total: c.por_estado.values().sum(),
        decididos: c.decididos.values().sum(),
        por_estado: parts(
            sesion.catalogo.estados.iter().map(|e| (e.id, &e.nombre)),
            &c.por_estado,
        ),
        por_area: parts(
            sesion
                .catalogo
                .areas
                .iter()
                .filter(|a| alcance.areas.as_ref().is_none_or(|s| s.contains(&a.id)))
                .map(|a| (a.id, &a.nombre)),
            &c.por_area,
        ),
        por_severidad: c.by_severidad(&sesion.catalogo),
        serie: time_series(&f, &sesion.catalogo),
        indicadores: Indicadores {
            horas_a_decision: percentiles(&c.a_decision),
            horas_a_sync: percentiles(&c.a_sync),
            decididos_en_meta: share_of(c.a_tiempo.values().sum(), c.decididos.values().sum()),
            pendiente_mas_antiguo: mas_antiguo,
            conflictos_abiertos: c.incomplete(SyncStatus::Conflicto),
            multimedia_faltante: c.incomplete(SyncStatus::MultimediaPendiente),
            dispositivos_silenciosos: (alcance.areas.is_none())
                .then_some(f.dispositivos_silenciosos),
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

/// The figures, sorted by what they are of.
#[derive(Default)]
struct FigureSums {
    por_estado: BTreeMap<i64, i64>,
    por_area: BTreeMap<i64, i64>,
    /// By severity, as are the next two.
    de_severidad: BTreeMap<i64, i64>,
    decididos: BTreeMap<i64, i64>,
    a_tiempo: BTreeMap<i64, i64>,
    de_sync: BTreeMap<i64, i64>,
    a_decision: Histogram,
    a_sync: Histogram,
}

impl FigureSums {
    fn from_figures(figuras: &Figures, catalogo: &Catalogo) -> Self {
        let mut c = Self::default();
        for f in &figuras.totales {
            let suma = |m: &mut BTreeMap<i64, i64>, clave| *m.entry(clave).or_default() += f.n;
            match f.que {
                Metric::Estado => {
                    suma(&mut c.por_estado, f.valor);
                    suma(&mut c.por_area, f.area_id);
                    suma(&mut c.de_severidad, f.severidad_id);
                    if catalogo.is_decided(f.valor) {
                        suma(&mut c.decididos, f.severidad_id);
                    }
                }
                Metric::Sync => suma(&mut c.de_sync, f.valor),
                Metric::ATiempo => suma(&mut c.a_tiempo, f.severidad_id),
                Metric::Decision => c.a_decision.add(f.valor, f.n),
                Metric::Demora => c.a_sync.add(f.valor, f.n),
            }
        }
        c
    }

    fn incomplete(&self, estado: SyncStatus) -> i64 {
        let valor = sync_value(estado);
        valor
            .and_then(|v| self.de_sync.get(&v).copied())
            .unwrap_or(0)
    }

    fn by_severidad(&self, catalogo: &Catalogo) -> Vec<PorSeveridad> {
        let de = |m: &BTreeMap<i64, i64>, id| m.get(&id).copied().unwrap_or(0);
        let todas = catalogo.severidades.iter();
        todas
            .map(|s| PorSeveridad {
                id: s.id,
                nombre: s.nombre.clone(),
                reportes: de(&self.de_severidad, s.id),
                meta_horas: s.meta_horas,
                decididos: de(&self.decididos, s.id),
                a_tiempo: de(&self.a_tiempo, s.id),
            })
            .collect()
    }
}

fn parts<'a>(
    de: impl Iterator<Item = (i64, &'a String)>,
    cuentas: &BTreeMap<i64, i64>,
) -> Vec<Parte> {
    de.map(|(id, nombre)| Parte {
        id,
        nombre: nombre.clone(),
        reportes: cuentas.get(&id).copied().unwrap_or(0),
    })
    .collect()
}

fn time_series(figuras: &Figures, catalogo: &Catalogo) -> Vec<Punto> {
    let mut puntos: Vec<Punto> = vec![];
    for (periodo, estado, n) in &figuras.serie {
        if puntos.last().is_none_or(|p| p.periodo != *periodo) {
            puntos.push(Punto {
                periodo: periodo.clone(),
                reportes: 0,
                decididos: 0,
            });
        }
        if let Some(p) = puntos.last_mut() {
            p.reportes += n;
            p.decididos += if catalogo.is_decided(*estado) { *n } else { 0 };
        }
    }
    puntos
}

fn percentiles(d: &Histogram) -> Percentiles {
    Percentiles {
        p50: d.percentile(50).map(round_to_hundredths),
        p90: d.percentile(90).map(round_to_hundredths),
        reportes: d.count(),
    }
}

fn round_to_hundredths(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

#[allow(clippy::cast_precision_loss)] // Far below 2^52.
fn share_of(n: i64, todos: i64) -> Option<f64> {
    (todos > 0).then(|| ((n as f64 / todos as f64) * 10_000.0).round() / 10_000.0)
}

#[allow(clippy::cast_precision_loss)] // Far below 2^52.
fn hours_between(desde: i64, hasta: i64) -> f64 {
    round_to_hundredths(hasta.saturating_sub(desde).max(0) as f64 / 3_600_000.0)
}
