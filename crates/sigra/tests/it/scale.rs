//! What does not grow with the number of reports: what the dashboard costs, and the memory of an export.

use std::time::Duration;

use calamine::{Reader as _, Xlsx};
use futures_util::TryStreamExt as _;
use sigra_domain::Fecha;
use sigra_store::counters::{Scope, explain_figures};
use tokio::time::Instant;

use crate::dashboard::{dashboard, recount::silent};
use sigra_testkit::{
    DbKind, Nodes, Persona, TestDb, TestSite, both_databases, client, history, iterations,
    memory::{MIB, peak, reset_peak, resident},
    reporte_in,
};

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

/// Downloads it piece by piece; the server's peak above what it held before. `empieza` runs after the first
/// piece, `ve` sees each.
async fn download(
    nodos: &Nodes,
    quien: &Persona,
    ruta: &str,
    empieza: impl AsyncFnOnce(),
    mut ve: impl FnMut(&[u8]),
) -> u64 {
    let pid = nodos.pid(0);
    let quieto = resident(pid);
    reset_peak(pid);
    let http = client::http();
    let url = format!("http://{}{ruta}", nodos.red.address(0));
    let r = http
        .get(url)
        .bearer_auth(nodos.red.token(quien))
        .send()
        .await
        .expect("baja");
    assert_eq!(r.status().as_u16(), 200, "{ruta}");
    let mut trozos = r.bytes_stream();
    let mut empieza = Some(empieza);
    while let Some(trozo) = trozos.try_next().await.expect("baja") {
        ve(&trozo);
        if let Some(empieza) = empieza.take() {
            empieza().await;
        }
    }
    peak(pid).saturating_sub(quieto)
}

async fn export(motor: DbKind) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let sitio = TestSite::new(bd).await;
    let (autor, admin) = (
        history::create_authors(&sitio).await,
        sitio.administrador().await,
    );
    let n = iterations(1_000_000);
    history::fill(&sitio, &autor, 1..=n).await;
    let nodos = Nodes::new(sitio.close().await, 1).await;
    // Whatever is made once is made.
    download(
        &nodos,
        &admin,
        "/admin/export.csv?area_id=1&estado=Pendiente",
        async || (),
        |_| (),
    )
    .await;

    let escribe = async || {
        let pedido = nodos.red.request(0, &autor, "POST", "/reportes");
        pedido
            .json(&reporte_in(1))
            .send()
            .await
            .expect_status(201, "");
    };
    let mut lineas = 0;
    let en_csv = download(&nodos, &admin, "/admin/export.csv", escribe, |trozo| {
        lineas += trozo.split(|b| *b == b'\n').count() - 1;
    })
    .await;
    // What came meanwhile is there: nothing holds the database as it was at the start.
    let n = n + 1;
    assert_eq!(lineas, n + 1);
    let mut planilla = vec![];
    let en_xlsx = download(
        &nodos,
        &admin,
        "/admin/export.xlsx",
        async || (),
        |trozo| {
            planilla.extend_from_slice(trozo);
        },
    )
    .await;
    let mb = planilla.len() as u64 / MIB;
    let mut libro: Xlsx<_> = Xlsx::new(std::io::Cursor::new(planilla)).expect("XLSX");
    let hoja = libro.sheet_names()[0].clone();
    let mut celdas = libro.worksheet_cells_reader(&hoja).expect("hoja");
    let mut ultima = 0;
    while let Some(celda) = celdas.next_cell().expect("celda") {
        ultima = celda.get_position().0;
    }
    assert_eq!(usize::try_from(ultima).unwrap(), n);
    println!(
        "{motor:?}: {n} reports, CSV +{} MiB of memory, XLSX (a file of {mb} MiB) +{} MiB",
        en_csv / MIB,
        en_xlsx / MIB,
    );
    assert!(
        en_csv < 48 * MIB && en_xlsx < 48 * MIB,
        "CSV {en_csv}, XLSX {en_xlsx}"
    );
    nodos.close().await.delete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_does_not_fill_the_memory_on_sqlite() {
    export(DbKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_does_not_fill_the_memory_on_postgres() {
    export(DbKind::Postgres).await;
}
