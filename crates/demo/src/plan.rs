//! What will happen to each report: decided before anything is sent, so that the same seed gives
//! the same run however the tasks interleave, and so that the end can be checked against it.

use sigra_store::Env;
use uuid::Builder;

use crate::{records::AccidentRecord, rng::Rng};

/// One item in so many is invalid.
const INVALID_EVERY: usize = 50;
/// One report in so many has a photo.
const PHOTO_EVERY: usize = 6;
/// An area that the site does not have: the phone can't know, the server refuses it.
pub(super) const UNKNOWN_AREA: i64 = 99;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Aprobar,
    Rechazar,
}

impl Decision {
    /// The last part of the route.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Aprobar => "aprobar",
            Self::Rechazar => "rechazar",
        }
    }

    pub(super) fn estado_id(self) -> i64 {
        match self {
            Self::Aprobar => 2,
            Self::Rechazar => 3,
        }
    }
}

/// What its author changes later, again without signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlannedEdit {
    /// Nobody else touched it: `actualizado`.
    Sola,
    /// Meanwhile the supervisor changes the severity and the author the description: `fusionado`.
    ConOtra,
    /// It was decided meanwhile: `conflicto`, and the server's side stays.
    Tardia,
}

/// A report and its story.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a throw of its own")]
pub(super) struct ReporteStory {
    pub(super) uuid: String,
    pub(super) registro: AccidentRecord,
    /// Its area is one that does not exist.
    pub(super) invalida: bool,
    /// What its supervisor decides; `None` leaves it pending.
    pub(super) decision: Option<Decision>,
    /// The supervisor presses the button twice.
    pub(super) decidir_dos_veces: bool,
    /// Somebody else decides it too, too late.
    pub(super) decide_otro: bool,
    pub(super) edicion: Option<PlannedEdit>,
    /// It has a photo.
    pub(super) con_foto: bool,
}

impl ReporteStory {
    /// The severity that the supervisor gives it.
    pub(super) fn other_severidad(&self) -> i64 {
        self.registro.severidad_id % 3 + 1
    }

    /// Entries that its bitácora must have in the end.
    pub(super) fn entradas(&self) -> i64 {
        if self.invalida {
            return 0;
        }
        let ediciones = match self.edicion {
            None => 0,
            Some(PlannedEdit::Sola) => 1,
            // The supervisor's change and the author's; the conflict and its resolution.
            Some(PlannedEdit::ConOtra | PlannedEdit::Tardia) => 2,
        };
        1 + i64::from(self.decision.is_some()) + ediciones + i64::from(self.con_foto)
    }
}

/// The story of every record; the one at `i` is written by worker `i % trabajadores`.
pub(super) fn build_plan(
    registros: &[AccidentRecord],
    rng: &mut Rng,
    env: &Env,
) -> Vec<ReporteStory> {
    registros
        .iter()
        .enumerate()
        .map(|(i, registro)| {
            let invalida = i % INVALID_EVERY == INVALID_EVERY - 1;
            let decision = match rng.below(6) {
                0 | 1 => Some(Decision::Aprobar),
                2 => Some(Decision::Rechazar),
                _ => None,
            };
            let edicion = match (decision, rng.below(6)) {
                (None, 0) => Some(PlannedEdit::Sola),
                (None, 1) => Some(PlannedEdit::ConOtra),
                (Some(_), 0) => Some(PlannedEdit::Tardia),
                _ => None,
            };
            ReporteStory {
                uuid: Builder::from_random_bytes(env.random())
                    .into_uuid()
                    .to_string(),
                registro: registro.clone(),
                invalida,
                decision: decision.filter(|_| !invalida),
                decidir_dos_veces: rng.one_in(5),
                decide_otro: rng.one_in(5),
                edicion: edicion.filter(|_| !invalida),
                con_foto: !invalida && i % PHOTO_EVERY == 0,
            }
        })
        .collect()
}

/// How many of each there must be in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ExpectedTotals {
    pub(super) creados: u64,
    pub(super) actualizados: u64,
    pub(super) fusionados: u64,
    pub(super) conflictos: u64,
    pub(super) rechazados: u64,
}

pub(super) fn totals(historias: &[ReporteStory]) -> ExpectedTotals {
    let mut t = ExpectedTotals::default();
    for h in historias {
        if h.invalida {
            t.rechazados += 1;
            continue;
        }
        t.creados += 1;
        match h.edicion {
            Some(PlannedEdit::Sola) => t.actualizados += 1,
            Some(PlannedEdit::ConOtra) => t.fusionados += 1,
            Some(PlannedEdit::Tardia) => t.conflictos += 1,
            None => {}
        }
    }
    t
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sigra_store::Env;

    use super::{PlannedEdit, build_plan, totals};
    use crate::{records::records, rng::Rng};

    #[test]
    fn the_seed_decides_all_but_the_identities() {
        let registros = records().unwrap();
        let plan = |semilla| build_plan(&registros, &mut Rng::new(semilla), &Env::default());
        let (a, b, c) = (plan(7), plan(7), plan(8));
        let historia = |h: &super::ReporteStory| (h.invalida, h.decision, h.edicion, h.decide_otro);
        assert!(a.iter().zip(&b).all(|(a, b)| historia(a) == historia(b)));
        assert!(a.iter().zip(&c).any(|(a, c)| historia(a) != historia(c)));
        let uuids: HashSet<_> = a.iter().chain(&b).map(|h| &h.uuid).collect();
        assert_eq!(uuids.len(), 850);
    }

    #[test]
    fn every_shift_has_something_of_everything() {
        let registros = records().unwrap();
        for semilla in 0..200 {
            let plan = build_plan(&registros, &mut Rng::new(semilla), &Env::default());
            let t = totals(&plan);
            assert_eq!((t.creados, t.rechazados), (417, 8));
            assert!(
                t.actualizados > 5 && t.fusionados > 5 && t.conflictos > 5,
                "{t:?}"
            );
            for h in &plan {
                assert!(!h.invalida || h.decision.is_none() && h.edicion.is_none());
                assert_eq!(h.decision.is_some(), h.decision.is_some() && !h.invalida);
                assert!(h.edicion != Some(PlannedEdit::Tardia) || h.decision.is_some());
                assert!(h.other_severidad() != h.registro.severidad_id);
            }
        }
    }
}
