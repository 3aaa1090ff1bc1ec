//! Tables of reports, as the settings of a site want them.

use serde_json::json;
use sigra_domain::Zona;
use sigra_store::Env;

use sigra_testkit::{DbKind, Nodes, TestDb, TestSite, csv, reporte_in};

/// Hours and days are those of the site's zone, wherever that is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_zone_is_that_of_the_site() {
    let sitio = TestSite::new(TestDb::new(DbKind::Sqlite).await.expect("SQLite")).await;
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let mut nuevo = reporte_in(1);
    nuevo["hora_creado"] = json!("2026-03-01T02:30:00Z");
    sitio.create(&autor, &nuevo).await.expect_status(201, "");
    // Where it is another day than in the zone of the other tests: the first one to begin it, or the last.
    let hoy = |zona: &str| {
        let zona = Zona::new(zona).unwrap();
        zona.fecha(Env::default().now()).to_string()
    };
    let (nombre, creado) = if hoy("Pacific/Kiritimati") == hoy("America/Santiago") {
        ("Pacific/Pago_Pago", "2026-02-28 15:30:00")
    } else {
        ("Pacific/Kiritimati", "2026-03-01 16:30:00")
    };
    let variables = vec![("SIGRA_ZONA".to_owned(), nombre.to_owned())];
    let nodos = Nodes::with(sitio.close().await, 1, variables).await;
    let csv = nodos.red.download(0, &admin, "/admin/export.csv").await;
    let csv = String::from_utf8(csv.to_vec()).unwrap();
    assert_eq!(csv::rows(&csv, b',')[0]["hora_creado"], creado);
    let antes = hoy(nombre);
    let tablero = nodos
        .red
        .request(0, &admin, "GET", "/admin/dashboard")
        .send()
        .await
        .json;
    let hasta = tablero["hasta"].as_str().unwrap();
    assert!(
        hasta == antes || hasta == hoy(nombre),
        "{hasta}, and it is {antes}"
    );
    nodos.close().await.delete().await;
}
