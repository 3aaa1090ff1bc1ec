#![allow(
    clippy::type_complexity,
    clippy::cast_precision_loss,
    reason = "a table of cases"
)]

use super::*;
use crate::{
    catalogo::{Area, Estado, Severidad},
    counters::bucket,
};

const HOUR: i64 = Instante::HOUR;

fn catalogo() -> Catalogo {
    let area = |id: i64| Area {
        id,
        nombre: format!("Área {id}"),
        activa: id != 3,
    };
    let severidad = |id: i64| Severidad {
        id,
        nombre: format!("Severidad {id}"),
        activa: true,
        meta_horas: 24 * id,
        urgente: id == 2,
    };
    let estado = |(id, es_final): (i64, bool)| Estado {
        id,
        nombre: format!("Estado {id}"),
        es_final,
    };
    Catalogo {
        version: 1,
        areas: [1, 2, 3].map(area).into(),
        severidades: [1, 2].map(severidad).into(),
        estados: [(1, false), (2, true), (3, true)].map(estado).into(),
        transiciones: vec![],
    }
}

fn figure(que: Metric, area_id: i64, severidad_id: i64, valor: i64, n: i64) -> Figure {
    Figure {
        que,
        area_id,
        severidad_id,
        valor,
        n,
    }
}

/// Ten reports: 4 pending, 5 approved, 1 rejected.
fn figures() -> Figures {
    let horas = |h: i64| bucket(h * HOUR);
    Figures {
        totales: vec![
            figure(Metric::Estado, 1, 1, 1, 3),
            figure(Metric::Estado, 1, 2, 2, 5),
            figure(Metric::Estado, 2, 2, 1, 1),
            figure(Metric::Estado, 2, 1, 3, 1),
            figure(Metric::Sync, 1, 1, 1, 2),
            figure(Metric::Sync, 2, 1, 1, 1),
            figure(Metric::Sync, 2, 2, 2, 4),
            figure(Metric::ATiempo, 1, 2, 1, 4),
            figure(Metric::Decision, 0, 2, horas(1), 5),
            figure(Metric::Decision, 0, 1, horas(30), 1),
            figure(Metric::Demora, 0, 1, 0, 10),
        ],
        serie: [
            ("2026-02-10", 1, 2),
            ("2026-02-10", 2, 5),
            ("2026-02-12", 3, 1),
            ("2026-03-01", 1, 2),
        ]
        .map(|(periodo, estado, n)| (periodo.to_owned(), estado, n))
        .into(),
        mas_antiguo: Some(OldestPending {
            id: 17,
            hora_sincronizado: Instante(HOUR),
        }),
        dispositivos_silenciosos: 2,
    }
}

#[test]
fn the_figures_of_a_site() {
    let (c, f) = (catalogo(), figures());
    let d = Dashboard::new(&f, &c, None, Instante(59 * HOUR + HOUR / 2));
    assert_eq!((d.total, d.decididos), (10, 6));
    let parts = |v: &[Part<'_>]| v.iter().map(|p| (p.id, p.reportes)).collect::<Vec<_>>();
    assert_eq!(parts(&d.por_estado), [(1, 4), (2, 5), (3, 1)]);
    // What has none is shown too, also where nothing new may be reported.
    assert_eq!(parts(&d.por_area), [(1, 8), (2, 2), (3, 0)]);
    assert_eq!(d.por_area[1].nombre, "Área 2");
    let severidad = |id, nombre, reportes, decididos, a_tiempo| SeveridadPart {
        id,
        nombre,
        reportes,
        meta_horas: 24 * id,
        decididos,
        a_tiempo,
    };
    assert_eq!(
        d.por_severidad,
        [
            severidad(1, "Severidad 1", 4, 1, 0),
            severidad(2, "Severidad 2", 6, 5, 4)
        ]
    );
    assert_eq!(d.decididos_en_meta, Some(0.6667));
    assert_eq!((d.conflictos_abiertos, d.multimedia_faltante), (4, 3));
    assert_eq!(d.dispositivos_silenciosos, Some(2));
    assert_eq!(
        d.mas_antiguo,
        Some(Wait {
            id: 17,
            hora_sincronizado: Instante(HOUR),
            horas: 58.5
        })
    );
    // Buckets of two minutes and of an hour and four minutes: their middles.
    let decision = (d.horas_a_decision.p50, d.horas_a_decision.p90);
    assert_eq!(decision, (Some(1.02), Some(30.4)));
    assert_eq!(d.horas_a_decision.reportes, 6);
    let sync = (d.horas_a_sync.p50, d.horas_a_sync.p90);
    assert_eq!(sync, (Some(0.01), Some(0.01)));
    assert_eq!(d.horas_a_sync.reportes, 10);
}

#[test]
fn a_point_for_each_period_that_has_reports() {
    let puntos = time_series(&figures().serie, &catalogo());
    let puntos: Vec<_> = puntos
        .iter()
        .map(|p| (p.periodo.as_str(), p.reportes, p.decididos))
        .collect();
    assert_eq!(
        puntos,
        [
            ("2026-02-10", 7, 5),
            ("2026-02-12", 1, 1),
            ("2026-03-01", 2, 0)
        ]
    );
}

/// Whoever sees some areas is shown these, and nothing of phones, which have none.
#[test]
fn some_areas() {
    let (c, f) = (catalogo(), figures());
    let table: [(Option<&[i64]>, &[i64], Option<i64>); 4] = [
        (None, &[1, 2, 3], Some(2)),
        (Some(&[3, 1]), &[1, 3], None),
        (Some(&[9]), &[], None),
        (Some(&[]), &[], None),
    ];
    for (areas, shown, silent) in table {
        let d = Dashboard::new(&f, &c, areas, Instante(0));
        let ids: Vec<i64> = d.por_area.iter().map(|p| p.id).collect();
        assert_eq!(
            (ids.as_slice(), d.dispositivos_silenciosos),
            (shown, silent),
            "{areas:?}"
        );
    }
}

#[test]
fn without_reports_there_is_nothing_to_divide_by() {
    let (c, f) = (catalogo(), Figures::default());
    let d = Dashboard::new(&f, &c, None, Instante(0));
    assert_eq!((d.total, d.decididos, d.decididos_en_meta), (0, 0, None));
    let nada = Percentiles {
        p50: None,
        p90: None,
        reportes: 0,
    };
    assert_eq!((d.horas_a_decision, d.horas_a_sync), (nada, nada));
    assert_eq!((d.serie, d.mas_antiguo), (vec![], None));
    assert!(d.por_estado.iter().all(|p| p.reportes == 0) && d.por_estado.len() == 3);
}

#[test]
fn shares_have_four_digits() {
    let table = [
        (0, 0, None),
        (0, 5, Some(0.0)),
        (5, 5, Some(1.0)),
        (1, 3, Some(0.3333)),
        (2, 3, Some(0.6667)),
        (1, 20_001, Some(0.0)),
    ];
    for (n, todos, esperado) in table {
        assert_eq!(share(n, todos), esperado, "{n}/{todos}");
    }
}

#[test]
fn hours_have_two_digits_and_never_go_back() {
    let table = [
        (0, HOUR, 1.0),
        (0, 36_000, 0.01),
        (0, 17_999, 0.0),
        (HOUR, 0, 0.0),
        (0, i64::MAX, round_to_hundredths(i64::MAX as f64 / 3.6e6)),
    ];
    for (desde, hasta, esperado) in table {
        let horas = hours_between(Instante(desde), Instante(hasta));
        assert!((horas - esperado).abs() < 1e-9, "{desde} {hasta}: {horas}");
    }
}
