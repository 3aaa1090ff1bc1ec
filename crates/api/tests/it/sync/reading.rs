//! Whoever reads does not wait behind those whose writes wait.

use std::time::Duration;

use serde_json::json;
use sqlx::Executor as _;
use tokio::time::timeout;

use sigra_testkit::{DbKind, DirectConn, SiteOptions, TestSite, run_with};

const CONNECTIONS: u32 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_does_not_wait_for_a_writer() {
    let ajuste = SiteOptions {
        conexiones: CONNECTIONS,
        ..SiteOptions::default()
    };
    run_with(DbKind::Postgres, ajuste, async |s| test_body(s).await).await;
}

async fn test_body(sitio: &TestSite) {
    let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let reporte = sitio.reporte(&autor, 1).await;
    let ruta = format!("/reportes/{}", reporte["id"]);
    let DirectConn::Postgres(mut lock) = sitio.bd.connect_directly().await else {
        unreachable!("es PostgreSQL");
    };
    // Somebody at the database's console looks at a report and goes to lunch.
    lock.execute("BEGIN; SELECT 1 FROM reportes FOR UPDATE")
        .await
        .unwrap();
    let escriben: Vec<_> = (0..2 * CONNECTIONS)
        .map(|n| {
            let cambio = json!({"titulo": format!("Roca {n}"), "version": 1});
            let pedido = sitio.request("PUT", &ruta).by(&jefa).json(&cambio);
            tokio::spawn(pedido.send())
        })
        .collect();
    // All that may write at once wait for the lock by now.
    let esperan = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock'";
    let llenas =
        async { while sitio.bd.query_i64(esperan).await < i64::from(CONNECTIONS) * 3 / 4 {} };
    timeout(Duration::from_secs(5), llenas)
        .await
        .expect("escriben");
    for ruta in [
        &*ruta,
        "/reportes",
        "/sync/changes",
        "/sync/status",
        "/auth/me",
        "/readyz",
    ] {
        let lee = sitio.request("GET", ruta).by(&jefa).send();
        let r = timeout(Duration::from_secs(2), lee).await.expect(ruta);
        assert_eq!(r.status, 200, "{ruta}: {}", r.texto);
    }
    lock.execute("ROLLBACK").await.unwrap();
    let mut hechos = 0;
    for e in escriben {
        // One was first, and whoever waited too long for a place is told to come back.
        let r = e.await.unwrap();
        assert!(matches!(r.status, 200 | 412 | 503), "{}", r.texto);
        hechos += i32::from(r.status == 200);
    }
    assert_eq!(hechos, 1);
}
