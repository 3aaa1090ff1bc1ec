//! What will happen to each report: decided before anything is sent, so that the same seed gives
//! the same run however the tasks interleave, and so that the end can be checked against it.

use serde::Serialize;
use sigra_store::Entorno;
use uuid::Builder;

use super::{dado::Dado, datos::Registro};

/// ReporteCreate as a phone sends it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cuerpo {
    pub(super) titulo: String,
    pub(super) descripcion: String,
    pub(super) area_id: i64,
    pub(super) severidad_id: i64,
    pub(super) uuid_cliente: String,
    pub(super) fecha_reporte: String,
    pub(super) hora_creado: String,
    pub(super) device_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Aprobar,
    Rechazar,
}

impl Decision {
    /// The last part of the route.
    pub(super) fn ruta(self) -> &'static str {
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

/// A report and its story.
#[derive(Clone, Debug)]
pub(super) struct Envio {
    pub(super) cuerpo: Cuerpo,
    /// The worker's phone loses the answer and sends it again.
    pub(super) repetir: bool,
    /// What its supervisor decides; `None` leaves it pending.
    pub(super) decision: Option<Decision>,
    /// The supervisor presses the button twice.
    pub(super) decidir_dos_veces: bool,
    /// Somebody else decides it too, too late.
    pub(super) decide_otro: bool,
}

/// The story of every record; the one at `i` is sent by worker `i % trabajadores`.
pub(super) fn planificar(
    registros: &[Registro],
    trabajadores: usize,
    dado: &mut Dado,
    entorno: &Entorno,
) -> Vec<Envio> {
    registros
        .iter()
        .enumerate()
        .map(|(i, r)| Envio {
            cuerpo: Cuerpo {
                titulo: r.titulo.clone(),
                descripcion: r.descripcion.clone(),
                area_id: r.area_id,
                severidad_id: r.severidad_id,
                uuid_cliente: Builder::from_random_bytes(entorno.azar())
                    .into_uuid()
                    .to_string(),
                fecha_reporte: r.fecha.to_string(),
                hora_creado: hora(r, dado),
                device_id: format!("telefono-demo-{:03}", i % trabajadores.max(1) + 1),
            },
            repetir: dado.una_de_cada(10),
            decision: match dado.menor_que(6) {
                0 | 1 => Some(Decision::Aprobar),
                2 => Some(Decision::Rechazar),
                _ => None,
            },
            decidir_dos_veces: dado.una_de_cada(5),
            decide_otro: dado.una_de_cada(5),
        })
        .collect()
}

/// A moment of that day between 7:00 and 20:59: with these hours the day is the same whether the
/// site is at −03:00 or, in winter, at −04:00.
fn hora(r: &Registro, dado: &mut Dado) -> String {
    let (h, m, s) = (
        7 + dado.menor_que(14),
        dado.menor_que(60),
        dado.menor_que(60),
    );
    format!(
        "{}T{h:02}:{m:02}:{s:02}.{:03}-03:00",
        r.fecha,
        dado.menor_que(1000)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sigra_domain::{Instante, Zona, reporte::uuid_de_cliente};
    use sigra_store::Entorno;

    use super::{Decision, planificar};
    use crate::commands::demo::{dado::Dado, datos::registros};

    #[test]
    fn every_report_could_be_sent() {
        let zona = Zona::new("America/Santiago").unwrap();
        let entorno = Entorno::default();
        let envios = planificar(&registros().unwrap(), 20, &mut Dado::nuevo(1), &entorno);
        let mut uuids = HashSet::new();
        let mut telefonos = HashSet::new();
        for e in &envios {
            let c = &e.cuerpo;
            assert_eq!(
                uuid_de_cliente(&c.uuid_cliente).as_ref(),
                Ok(&c.uuid_cliente)
            );
            let hora = Instante::parse(&c.hora_creado).unwrap();
            assert_eq!(zona.fecha(hora).to_string(), c.fecha_reporte);
            assert!(sigra_domain::reporte::device_id(c.device_id.clone()).is_ok());
            uuids.insert(&c.uuid_cliente);
            telefonos.insert(&c.device_id);
        }
        assert_eq!((uuids.len(), telefonos.len()), (425, 20));
    }

    #[test]
    fn about_a_tenth_again_and_half_decided() {
        let entorno = Entorno::default();
        let envios = planificar(&registros().unwrap(), 20, &mut Dado::nuevo(7), &entorno);
        let cuenta = |f: fn(&super::Envio) -> bool| envios.iter().filter(|e| f(e)).count();
        assert!((20..70).contains(&cuenta(|e| e.repetir)));
        assert!((170..255).contains(&cuenta(|e| e.decision.is_some())));
        assert!(cuenta(|e| e.decision == Some(Decision::Rechazar)) > 20);
    }

    #[test]
    fn the_seed_repeats_all_but_the_uuids() {
        let (registros, entorno) = (registros().unwrap(), Entorno::default());
        let plan = |semilla| {
            planificar(&registros, 3, &mut Dado::nuevo(semilla), &entorno)
                .into_iter()
                .map(|e| (e.cuerpo.hora_creado, e.repetir, e.decision, e.decide_otro))
                .collect::<Vec<_>>()
        };
        assert_eq!(plan(5), plan(5));
        assert_ne!(plan(5), plan(6));
    }
}
