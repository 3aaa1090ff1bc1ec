//! The dashboard: what the counts of a moment say, as it is shown.

use std::collections::BTreeMap;

use crate::{
    Instante,
    catalogo::Catalogo,
    counters::{Histogram, Metric, sync_value},
    reporte::SyncStatus,
};

/// How many there are of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    pub que: Metric,
    /// 0 for durations.
    pub area_id: i64,
    pub severidad_id: i64,
    pub valor: i64,
    pub n: i64,
}

/// The report that has waited longest for a decision, by `fecha_reporte` and arrival; whenever it came: what
/// nobody decided for months is what must be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldestPending {
    pub id: i64,
    pub hora_sincronizado: Instante,
}

/// All figures of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub totales: Vec<Figure>,
    /// Day (`YYYY-MM-DD`), or month (`YYYY-MM`) where that would be more than a year of days; state;
    /// reports. Only where there are any, in order.
    pub serie: Vec<(String, i64, i64)>,
    pub mas_antiguo: Option<OldestPending>,
    /// Of all phones that somebody active uses, whoever used one last: they have no area.
    pub dispositivos_silenciosos: i64,
}

/// What is shown of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Dashboard<'a> {
    pub total: i64,
    pub decididos: i64,
    pub por_estado: Vec<Part<'a>>,
    /// Of the areas that were asked for.
    pub por_area: Vec<Part<'a>>,
    pub por_severidad: Vec<SeveridadPart<'a>>,
    pub serie: Vec<Point>,
    /// From arrival to decision.
    pub horas_a_decision: Percentiles,
    /// From creation on the phone to arrival.
    pub horas_a_sync: Percentiles,
    /// Of the decided, the share that was in time, from 0 to 1; `None` when there are none.
    pub decididos_en_meta: Option<f64>,
    pub mas_antiguo: Option<Wait>,
    pub conflictos_abiertos: i64,
    pub multimedia_faltante: i64,
    /// `None` when not all areas were asked for.
    pub dispositivos_silenciosos: Option<i64>,
}

/// The reports of a state or of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub id: i64,
    pub nombre: &'a str,
    pub reportes: i64,
}

/// The reports of a severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeveridadPart<'a> {
    pub id: i64,
    pub nombre: &'a str,
    pub reportes: i64,
    pub meta_horas: i64,
    pub decididos: i64,
    /// Within what the severity allowed then.
    pub a_tiempo: i64,
}

/// The reports of a day or of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    pub periodo: String,
    pub reportes: i64,
    pub decididos: i64,
}

/// Hours that half, and 9 of 10, don't exceed; `None` when there are none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    /// Of how many.
    pub reportes: i64,
}

/// How long a report has waited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    pub id: i64,
    pub hora_sincronizado: Instante,
    pub horas: f64,
}

impl<'a> Dashboard<'a> {
    /// `areas` are those that were asked for; `None`: all.
    pub fn new(
        figuras: &Figures,
        catalogo: &'a Catalogo,
        areas: Option<&[i64]>,
        ahora: Instante,
    ) -> Self {
        let sumas = Sums::new(&figuras.totales, catalogo);
        let (decididos, a_tiempo) = (sumas.decididos.total(), sumas.a_tiempo.total());
        let de_areas = catalogo.areas.iter();
        let de_areas = de_areas.filter(|a| areas.is_none_or(|s| s.contains(&a.id)));
        let severidades = catalogo.severidades.iter().map(|s| SeveridadPart {
            id: s.id,
            nombre: &s.nombre,
            reportes: sumas.por_severidad.of(s.id),
            meta_horas: s.meta_horas,
            decididos: sumas.decididos.of(s.id),
            a_tiempo: sumas.a_tiempo.of(s.id),
        });
        Self {
            total: sumas.por_estado.total(),
            decididos,
            por_estado: catalogo
                .estados
                .iter()
                .map(|e| sumas.por_estado.part(e.id, &e.nombre))
                .collect(),
            por_area: de_areas
                .map(|a| sumas.por_area.part(a.id, &a.nombre))
                .collect(),
            por_severidad: severidades.collect(),
            serie: time_series(&figuras.serie, catalogo),
            horas_a_decision: Percentiles::from(&sumas.a_decision),
            horas_a_sync: Percentiles::from(&sumas.a_sync),
            decididos_en_meta: share(a_tiempo, decididos),
            mas_antiguo: figuras.mas_antiguo.map(|m| Wait {
                id: m.id,
                hora_sincronizado: m.hora_sincronizado,
                horas: hours_between(m.hora_sincronizado, ahora),
            }),
            conflictos_abiertos: sumas.incomplete(SyncStatus::Conflicto),
            multimedia_faltante: sumas.incomplete(SyncStatus::MultimediaPendiente),
            dispositivos_silenciosos: areas.is_none().then_some(figuras.dispositivos_silenciosos),
        }
    }
}

/// Reports by the id of what they have in common.
#[derive(Default)]
struct Tally(BTreeMap<i64, i64>);

impl Tally {
    fn add(&mut self, id: i64, n: i64) {
        *self.0.entry(id).or_default() += n;
    }

    fn of(&self, id: i64) -> i64 {
        self.0.get(&id).copied().unwrap_or(0)
    }

    fn total(&self) -> i64 {
        self.0.values().sum()
    }

    fn part<'a>(&self, id: i64, nombre: &'a str) -> Part<'a> {
        let reportes = self.of(id);
        Part {
            id,
            nombre,
            reportes,
        }
    }
}

/// The figures, sorted by what they are of.
#[derive(Default)]
struct Sums {
    por_estado: Tally,
    por_area: Tally,
    /// By severity, as are the next two.
    por_severidad: Tally,
    decididos: Tally,
    a_tiempo: Tally,
    por_sync: Tally,
    a_decision: Histogram,
    a_sync: Histogram,
}

impl Sums {
    fn new(totales: &[Figure], catalogo: &Catalogo) -> Self {
        let mut s = Self::default();
        for f in totales {
            match f.que {
                Metric::Estado => {
                    s.por_estado.add(f.valor, f.n);
                    s.por_area.add(f.area_id, f.n);
                    s.por_severidad.add(f.severidad_id, f.n);
                    if catalogo.is_decided(f.valor) {
                        s.decididos.add(f.severidad_id, f.n);
                    }
                }
                Metric::Sync => s.por_sync.add(f.valor, f.n),
                Metric::ATiempo => s.a_tiempo.add(f.severidad_id, f.n),
                Metric::Decision => s.a_decision.add(f.valor, f.n),
                Metric::Demora => s.a_sync.add(f.valor, f.n),
            }
        }
        s
    }

    fn incomplete(&self, estado: SyncStatus) -> i64 {
        sync_value(estado).map_or(0, |valor| self.por_sync.of(valor))
    }
}

/// One point for each period, of figures by period and state that are in order.
fn time_series(serie: &[(String, i64, i64)], catalogo: &Catalogo) -> Vec<Point> {
    let mut puntos: Vec<Point> = vec![];
    for (periodo, estado, n) in serie {
        if puntos.last().is_none_or(|p| p.periodo != *periodo) {
            puntos.push(Point {
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

impl From<&Histogram> for Percentiles {
    fn from(h: &Histogram) -> Self {
        Self {
            p50: h.percentile(50).map(round_to_hundredths),
            p90: h.percentile(90).map(round_to_hundredths),
            reportes: h.count(),
        }
    }
}

fn round_to_hundredths(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

/// To four digits.
#[allow(clippy::cast_precision_loss)] // Far below 2^52.
fn share(n: i64, todos: i64) -> Option<f64> {
    (todos > 0).then(|| ((n as f64 / todos as f64) * 10_000.0).round() / 10_000.0)
}

#[allow(clippy::cast_precision_loss)] // Far below 2^52.
fn hours_between(desde: Instante, hasta: Instante) -> f64 {
    let ms = hasta.0.saturating_sub(desde.0).max(0);
    round_to_hundredths(ms as f64 / 3_600_000.0)
}

#[cfg(test)]
mod tests;
