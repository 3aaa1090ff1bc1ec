//! What does not grow with the number of reports: what the dashboard costs.

use std::time::Duration;

use sigra_domain::Fecha;
use sigra_store::counters::{Scope, explain_figures};
use tokio::time::Instant;

use crate::dashboard::{dashboard, recount::silent};
use sigra_testkit::{DbKind, Persona, TestSite, both_databases, history, iterations};

const YEAR_QUERY: &str = "?desde=2026-01-01&hasta=2026-12-31";

/// The fastest of some: what else the machine does only adds.
async fn measure_dashboard(sitio: &TestSite, quien: &Persona) -> Duration {
    let mut minimo = Duration::MAX;
    for _ in 0..20 {
        let antes = Instant::now();
        dashboard(sitio, quien, YEAR_QUERY).await;
        minimo = minimo.min(antes.elapsed());
    }
    minimo
}

#[both_databases]
async fn the_dashboard_costs_the_same_with_a_million_reports(sitio: &TestSite) {
    let (autor, admin) = (
        history::create_authors(sitio).await,
        sitio.administrador().await,
    );
    let (pocos, muchos) = (iterations(10_000), iterations(1_000_000));
    history::fill(sitio, &autor, 1..=pocos).await;
    sitio.store.repair_counts(silent()).await.unwrap();
    let antes = measure_dashboard(sitio, &admin).await;
    history::fill(sitio, &autor, pocos + 1..=muchos).await;
    sitio.store.repair_counts(silent()).await.unwrap();
    let todos = dashboard(sitio, &admin, YEAR_QUERY).await;
    assert_eq!(todos["total"], serde_json::json!(muchos));
    let despues = measure_dashboard(sitio, &admin).await;
    // And years before it.
    for anio in 2017..2026 {
        sitio.bd.sql(&format!("INSERT INTO conteos (periodo, que, area_id, severidad_id, valor, n)
                SELECT '{anio}' || substr(periodo, 5), que, area_id, severidad_id, valor, n FROM conteos
                WHERE periodo LIKE '2026-%'")).await.unwrap();
    }
    if sitio.bd.motor == DbKind::Postgres {
        sitio.bd.sql("ANALYZE").await.unwrap();
    }
    let con_historia = measure_dashboard(sitio, &admin).await;
    println!(
        "{:?}: {pocos} reports {antes:.1?}, {muchos} reports {despues:.1?}, ten years of them {con_historia:.1?}",
        sitio.bd.motor,
    );
    // Ten times as much would be a hundred milliseconds and more; what else runs beside may cost some.
    let cabe = antes * 4 + Duration::from_millis(20);
    assert!(
        despues < cabe && con_historia < cabe,
        "{antes:.1?} → {despues:.1?} → {con_historia:.1?}"
    );

    let alcance = Scope {
        desde: Fecha::parse("2026-01-01").unwrap(),
        hasta: Fecha::parse("2026-12-31").unwrap(),
        areas: Some(vec![1, 2, 3]),
        callados_desde: sitio.store.env().now(),
    };
    let plan = explain_figures(&mut sitio.store.read().await.unwrap(), &alcance)
        .await
        .unwrap();
    for entera in [
        "SCAN r\n",
        "SCAN r ",
        "SCAN conteos\n",
        "Seq Scan on reportes",
        "Seq Scan on conteos ",
    ] {
        assert!(!format!("{plan}\n").contains(entera), "{entera} in\n{plan}");
    }
}
