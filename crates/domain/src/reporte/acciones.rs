//! What is done against a danger after its report was approved: corrective actions, who must do each until
//! when, and who saw that it was done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Fecha, Quien, Rut};

/// The most actions that a report may have.
pub const MAX_ACCIONES: usize = 50;

/// How far one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(description = "Cómo va una acción.")]
pub enum EstadoDeAccion {
    Abierta,
    Hecha,
    Verificada,
}

impl EstadoDeAccion {
    pub const ALL: [Self; 3] = [Self::Abierta, Self::Hecha, Self::Verificada];

    pub fn name(self) -> &'static str {
        match self {
            Self::Abierta => "abierta",
            Self::Hecha => "hecha",
            Self::Verificada => "verificada",
        }
    }

    pub fn from_name(nombre: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name() == nombre)
    }
}

/// Something that was promised against a danger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccionCorrectiva {
    pub descripcion: String,
    pub responsable: Rut,
    /// The last day on which it is in time.
    pub plazo: Fecha,
    pub estado: EstadoDeAccion,
    /// Who asked for it.
    pub creada_por: Rut,
    /// Who did it, while it is done.
    pub hecha_por: Option<Rut>,
    pub verificada_por: Option<Rut>,
}

/// Those of a report by their numbers, from 1 on without gaps.
pub type AccionesCorrectivas = BTreeMap<i64, AccionCorrectiva>;

/// Why a step is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepDenied {
    /// There is no such step from where it is (409).
    NoExiste,
    /// Whoever did it can't be the one who saw that it was done (403).
    LoHizo,
    /// It is for others to say (403).
    NoEsSuyo,
}

impl AccionCorrectiva {
    /// The next step. Whoever is responsible says that it is done, or whoever may decide the report; of these
    /// another than the one who did it verifies it, or opens it again. The same again changes nothing: `Ok(None)`.
    pub fn step_to(
        &self,
        hacia: EstadoDeAccion,
        quien: &Quien,
        area_id: i64,
    ) -> Result<Option<Self>, StepDenied> {
        use EstadoDeAccion::{Abierta, Hecha, Verificada};
        let decide = quien.can_decide(area_id);
        let suyo = quien.rut == self.responsable;
        let mut nueva = self.clone();
        nueva.estado = hacia;
        match (self.estado, hacia) {
            (antes, despues) if antes == despues => return Ok(None),
            (Abierta, Hecha) if decide || suyo => nueva.hecha_por = Some(quien.rut),
            (Hecha, Verificada | Abierta) if decide && self.hecha_por == Some(quien.rut) => {
                if hacia == Verificada {
                    return Err(StepDenied::LoHizo);
                }
                // They say themselves that it is not.
                nueva.hecha_por = None;
            }
            (Hecha, Verificada) if decide => nueva.verificada_por = Some(quien.rut),
            (Hecha, Abierta) if decide => nueva.hecha_por = None,
            (Abierta, Hecha) | (Hecha, _) => return Err(StepDenied::NoEsSuyo),
            _ => return Err(StepDenied::NoExiste),
        }
        Ok(Some(nueva))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rol;

    #[test]
    fn who_may_say_what() {
        use EstadoDeAccion::{Abierta, Hecha, Verificada};
        use StepDenied::{LoHizo, NoEsSuyo, NoExiste};
        let rut = |n| Rut::new(n).unwrap();
        let quien = |n, rol, areas: &[i64]| Quien {
            rut: rut(n),
            rol,
            areas: areas.to_vec(),
        };
        let suyo = quien(1, Rol::Trabajador, &[]);
        let jefe = quien(2, Rol::Supervisor, &[7]);
        let otro = quien(3, Rol::Supervisor, &[7]);
        let ajeno = quien(4, Rol::Supervisor, &[8]);
        let nadie = quien(5, Rol::Trabajador, &[]);
        let m = |estado, hecha_por: Option<i64>| AccionCorrectiva {
            descripcion: "Acuñar".into(),
            responsable: rut(1),
            plazo: Fecha::parse("2026-03-10").unwrap(),
            estado,
            creada_por: rut(2),
            hecha_por: hecha_por.map(rut),
            verificada_por: None,
        };
        // state, who did it, who asks, for what → what comes of it
        #[rustfmt::skip] // One case a line.
        let table = [
            (Abierta, None, &suyo, Hecha, Ok(true)),
            (Abierta, None, &jefe, Hecha, Ok(true)),
            (Abierta, None, &ajeno, Hecha, Err(NoEsSuyo)),
            (Abierta, None, &nadie, Hecha, Err(NoEsSuyo)),
            (Abierta, None, &jefe, Verificada, Err(NoExiste)),
            (Abierta, None, &jefe, Abierta, Ok(false)),
            (Hecha, Some(1), &suyo, Hecha, Ok(false)),
            (Hecha, Some(1), &suyo, Verificada, Err(NoEsSuyo)),
            (Hecha, Some(1), &suyo, Abierta, Err(NoEsSuyo)),
            (Hecha, Some(1), &jefe, Verificada, Ok(true)),
            (Hecha, Some(1), &jefe, Abierta, Ok(true)),
            (Hecha, Some(2), &jefe, Verificada, Err(LoHizo)),
            (Hecha, Some(2), &jefe, Abierta, Ok(true)),
            (Hecha, Some(2), &otro, Verificada, Ok(true)),
            (Hecha, Some(1), &ajeno, Verificada, Err(NoEsSuyo)),
            (Verificada, Some(1), &jefe, Abierta, Err(NoExiste)),
            (Verificada, Some(1), &jefe, Hecha, Err(NoExiste)),
            (Verificada, Some(1), &jefe, Verificada, Ok(false)),
        ];
        for (estado, hecha_por, quien, hacia, esperado) in table {
            let r = m(estado, hecha_por).step_to(hacia, quien, 7);
            let caso = format!("{estado:?} {hecha_por:?} {} {hacia:?}", quien.rut);
            assert_eq!(
                r.as_ref().map(Option::is_some).map_err(|e| *e),
                esperado,
                "{caso}"
            );
            let Ok(Some(nueva)) = r else { continue };
            assert_eq!(nueva.estado, hacia);
            assert_eq!(nueva.hecha_por.is_some(), hacia != Abierta, "{caso}");
            assert_eq!(
                nueva.verificada_por.is_some(),
                hacia == Verificada,
                "{caso}"
            );
        }
    }
}
