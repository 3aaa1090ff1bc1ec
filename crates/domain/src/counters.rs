//! What reports count for in the dashboard: numbers that are added when a report changes and
//! subtracted when it changes again, so that a figure costs the same however many reports there are.

use std::collections::BTreeMap;

use crate::{
    Fecha, Instante,
    reporte::{Decision, Reporte, SyncStatus},
};

/// What a cell counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Reports in a state; `valor` is the state.
    Estado,
    /// Reports that are not complete; `valor` is 1 where files are missing, 2 where there is a conflict.
    Sync,
    /// From the phone's moment of creation to the server's; `valor` is a bucket of durations.
    Demora,
    /// From the report's arrival to its decision; `valor` is a bucket of durations.
    Decision,
    /// Decided within what its severity allowed then; `valor` is 1.
    ATiempo,
}

impl Metric {
    pub const ALL: [Self; 5] = [
        Self::Estado,
        Self::Sync,
        Self::Demora,
        Self::Decision,
        Self::ATiempo,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Estado => "estado",
            Self::Sync => "sync",
            Self::Demora => "demora",
            Self::Decision => "decision",
            Self::ATiempo => "a_tiempo",
        }
    }

    pub fn from_name(nombre: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|q| q.name() == nombre)
    }
}

/// One count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    pub que: Metric,
    /// The report's `fecha_reporte`.
    pub fecha: Fecha,
    pub area_id: i64,
    pub severidad_id: i64,
    pub valor: i64,
}

/// A report as far as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Countable {
    pub fecha: Fecha,
    pub area_id: i64,
    pub severidad_id: i64,
    pub estado_id: i64,
    pub sync_status: SyncStatus,
    pub hora_creado: Instante,
    pub hora_sincronizado: Instante,
    pub decision: Option<Decision>,
    /// One that is withdrawn counts for nothing.
    pub retirado: bool,
}

impl From<&Reporte> for Countable {
    fn from(r: &Reporte) -> Self {
        Self {
            fecha: r.fecha_reporte,
            area_id: r.contenido.area_id,
            severidad_id: r.contenido.severidad_id,
            estado_id: r.estado_id,
            sync_status: r.sync_status,
            hora_creado: r.hora_creado,
            hora_sincronizado: r.hora_sincronizado,
            decision: r.decision,
            retirado: r.retirado_en.is_some(),
        }
    }
}

/// The `valor` of [`Metric::Sync`]; `None` for what is complete.
pub fn sync_value(estado: SyncStatus) -> Option<i64> {
    match estado {
        SyncStatus::Completo => None,
        SyncStatus::MultimediaPendiente => Some(1),
        SyncStatus::Conflicto => Some(2),
    }
}

impl Countable {
    fn cells(&self) -> impl Iterator<Item = Cell> {
        let desde = self.hora_sincronizado.0;
        let demora = bucket(desde.saturating_sub(self.hora_creado.0));
        let decision = self.decision.map(|d| bucket(d.en.0.saturating_sub(desde)));
        let a_tiempo = self.decision.filter(|d| d.a_tiempo).map(|_| 1);
        let valores = [
            (Metric::Estado, Some(self.estado_id)),
            (Metric::Sync, sync_value(self.sync_status)),
            (Metric::Demora, Some(demora)),
            (Metric::Decision, decision),
            (Metric::ATiempo, a_tiempo),
        ];
        let (c, cuenta) = (*self, !self.retirado);
        let valores = valores.into_iter().filter(move |_| cuenta);
        valores.filter_map(move |(que, valor)| {
            Some(Cell {
                que,
                fecha: c.fecha,
                area_id: c.area_id,
                severidad_id: c.severidad_id,
                valor: valor?,
            })
        })
    }
}

/// Counts, or differences of counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Cell, i64>);

impl Counts {
    pub fn increment(&mut self, c: &Countable) {
        c.cells().for_each(|celda| self.add(celda, 1));
    }

    pub fn decrement(&mut self, c: &Countable) {
        c.cells().for_each(|celda| self.add(celda, -1));
    }

    /// Adds to one cell; what becomes zero is no cell any more.
    pub fn add(&mut self, celda: Cell, n: i64) {
        let nuevo = self.0.get(&celda).copied().unwrap_or(0) + n;
        if nuevo == 0 {
            self.0.remove(&celda);
        } else {
            self.0.insert(celda, nuevo);
        }
    }

    /// The cells that are not zero, in their order.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, i64)> {
        self.0.iter().map(|(celda, n)| (celda, *n))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Buckets for each doubling of a duration.
const BUCKETS_PER_OCTAVE: i64 = 16;
const BITS: u32 = BUCKETS_PER_OCTAVE.ilog2();

/// The bucket of a duration in milliseconds: one for each minute up to 32, then 16 for each doubling, so
/// that the middle of a bucket is at most 1/32 away from what is in it (and at most half a minute
/// under 32 minutes). What is negative, by a phone's wrong clock, counts as nothing.
pub fn bucket(ms: i64) -> i64 {
    let minutos = ms.max(0) / Instante::MINUTE;
    let Some(octava) = minutos
        .checked_ilog2()
        .and_then(|bits| bits.checked_sub(BITS))
    else {
        return minutos;
    };
    i64::from(octava) * BUCKETS_PER_OCTAVE + (minutos >> octava)
}

/// The middle of a bucket, in hours.
#[allow(clippy::cast_precision_loss)] // A duration's minutes are far below 2^52.
fn hours(cubo: i64) -> f64 {
    let octava = (cubo / BUCKETS_PER_OCTAVE - 1).max(0);
    let desde = (cubo - octava * BUCKETS_PER_OCTAVE) << octava;
    let ancho = 1_i64 << octava;
    (desde as f64 + ancho as f64 / 2.0) / 60.0
}

/// How many durations fell into each bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram(BTreeMap<i64, i64>);

impl Histogram {
    pub fn add(&mut self, cubo: i64, n: i64) {
        *self.0.entry(cubo).or_default() += n;
    }

    pub fn count(&self) -> i64 {
        self.0.values().sum()
    }

    /// The duration, in hours, that `por_ciento` of all are not longer than (nearest rank), as exact as
    /// [`bucket`] says. `None` when there are none.
    pub fn percentile(&self, por_ciento: i64) -> Option<f64> {
        let rango = (self.count() * por_ciento + 99) / 100;
        let mut vistas = 0;
        let suyo = self.0.iter().find(|(_, n)| {
            vistas += **n;
            vistas >= rango.max(1)
        });
        suyo.map(|(cubo, _)| hours(*cubo))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = Instante::HOUR;

    #[test]
    fn buckets_are_adjacent_and_in_order() {
        let mut anterior = -1;
        for minutos in 0..5_000_000 {
            let c = bucket(minutos * Instante::MINUTE);
            assert!(
                c == anterior || c == anterior + 1,
                "{minutos}: {anterior}, {c}"
            );
            anterior = c;
        }
        assert!(anterior < 400);
        assert_eq!(bucket(-HOUR), 0);
        assert!(bucket(i64::MAX) < 1_000);
    }

    #[test]
    fn without_durations_there_is_no_percentile() {
        assert_eq!(Histogram::default().percentile(50), None);
    }

    proptest! {
        /// Against the exact nearest rank, within the error that is promised.
        #[test]
        fn percentiles_are_as_exact_as_stated(
            mut ms in prop::collection::vec(0..20_000 * HOUR, 1..200),
            p in 1..=100_i64,
        ) {
            let mut d = Histogram::default();
            for ms in &ms {
                d.add(bucket(*ms), 1);
            }
            ms.sort_unstable();
            let rango = (ms.len() * usize::try_from(p).unwrap()).div_ceil(100);
            #[allow(clippy::cast_precision_loss)]
            let exacto = ms[rango - 1] as f64 / 3_600_000.0;
            let dicho = d.percentile(p).unwrap();
            prop_assert!((dicho - exacto).abs() <= exacto / 32.0 + 1.0 / 60.0, "{exacto} {dicho}");
        }

        /// What is subtracted leaves nothing, in whatever order.
        #[test]
        fn counts_can_be_taken_back(
            casos in prop::collection::vec((1..4_i64, 1..4_i64, 1..4_i64, 0..3_usize, any::<bool>(), any::<bool>()), 0..40),
        ) {
            let contables: Vec<Countable> = casos.iter().map(|(area, severidad, estado, sync, decidido, retirado)| Countable {
                fecha: Fecha::parse(if *retirado { "2026-02-28" } else { "2026-03-01" }).unwrap(),
                area_id: *area,
                severidad_id: *severidad,
                estado_id: *estado,
                sync_status: SyncStatus::ALL[*sync],
                hora_creado: Instante(0),
                hora_sincronizado: Instante(HOUR * area),
                decision: decidido.then_some(Decision { en: Instante(9 * HOUR), a_tiempo: *retirado }),
                retirado: *retirado && *decidido,
            }).collect();
            let mut c = Counts::default();
            for x in &contables {
                c.increment(x);
            }
            let reportes: i64 = c.cells().filter(|(celda, _)| celda.que == Metric::Estado).map(|(_, n)| n).sum();
            prop_assert_eq!(reportes, i64::try_from(contables.iter().filter(|x| !x.retirado).count()).unwrap());
            for x in contables.iter().rev() {
                c.decrement(x);
            }
            prop_assert!(c.is_empty());
        }
    }
}
