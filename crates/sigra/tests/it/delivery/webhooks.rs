//! No webhook is lost: each arrives, in the order of its report.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Value, json};

use sigra_testkit::{
    DbKind, Nodes, SiteOptions, TestDb, TestSite, iterations, random_below, receiver::HttpReceiver,
    reporte_in,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_webhook_is_lost_on_sqlite() {
    kill_delivering_servers(DbKind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_webhook_is_lost_on_postgres() {
    kill_delivering_servers(DbKind::Postgres, 2).await;
}

/// Reports come in at one server while those that deliver are killed again and again: all arrive, what comes
/// twice has the same id, and of each report in order.
async fn kill_delivering_servers(motor: DbKind, nodos: usize) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let otra = bd.shared();
    let ajuste = SiteOptions {
        hacia_aqui: true,
        ..SiteOptions::default()
    };
    let sitio = Arc::new(TestSite::with(bd, ajuste).await);
    let receptor = HttpReceiver::open(|_| if random_below(20) == 0 { 500 } else { 200 }).await;
    let (admin, autor, jefe) = (
        sitio.administrador().await,
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
    );
    let eventos = ["reporte.creado", "reporte.decidido"];
    sitio.create_webhook(&admin, &receptor.url, &eventos).await;
    let reportes = iterations(10_000) / 2;
    let escriben = {
        let sitio = Arc::clone(&sitio);
        tokio::spawn(async move {
            for _ in 0..reportes / 20 {
                let lote: Vec<Value> = (0..20).map(|_| reporte_in(1)).collect();
                let r = sitio.push_batch(&autor, &lote).await;
                for uno in r["resultados"].as_array().unwrap() {
                    let ruta = format!("/admin/reportes/{}/aprobar", uno["id"]);
                    let r = sitio
                        .request("POST", &ruta)
                        .by(&jefe)
                        .json(&json!({}))
                        .send()
                        .await;
                    r.expect_status(200, "");
                }
            }
        })
    };
    let redes = ("SIGRA_WEBHOOKS_REDES".to_owned(), "127.0.0.0/8".to_owned());
    let mut nodos = Nodes::with(otra, nodos, vec![redes]).await;
    for i in 0..iterations(100) {
        let i = i % nodos.red.node_count();
        // The moment is what is tried here.
        tokio::time::sleep(Duration::from_micros(random_below(400_000) as u64)).await;
        nodos.kill(i).await;
        nodos.start(i).await;
    }
    escriben.await.expect("escriben");
    // What a dead worker had is taken after its time; nobody waits for that here.
    let mut cuantos = receptor.cuantos.clone();
    let faltan = "SELECT (SELECT max(posicion) FROM cambios) - (SELECT posicion FROM reparto)
        + (SELECT count(*) FROM cambios WHERE posicion IS NULL)
        + (SELECT count(*) FROM entregas WHERE estado = 'pendiente')";
    let released = "UPDATE entregas SET tomada = NULL, proximo = 0 WHERE estado = 'pendiente'";
    let limite = tokio::time::Instant::now() + Duration::from_mins(4);
    while sitio.bd.query_i64(faltan).await > 0 {
        assert!(
            tokio::time::Instant::now() < limite,
            "faltan {}",
            sitio.bd.query_i64(faltan).await
        );
        // Until something arrives, or a while: what was taken by the dead arrives at nobody.
        let algo = tokio::time::timeout(Duration::from_secs(1), cuantos.changed()).await;
        if algo.is_err() {
            sitio.bd.sql(released).await.expect("suelta");
            sitio
                .bd
                .sql("DELETE FROM circuitos")
                .await
                .expect("circuitos");
        }
    }
    let (bd, _dir) = nodos.kill_into_parts().await;
    drop(bd);
    let todos = receptor.all();
    let mut por_id: HashMap<&str, (i64, i64)> = HashMap::new();
    let mut visto: HashMap<i64, i64> = HashMap::new();
    let mut repetidos = 0;
    for r in &todos {
        let (reporte, version) = r.reporte_version();
        if let Some(antes) = por_id.insert(r.header("webhook-id"), (reporte, version)) {
            assert_eq!(antes, (reporte, version), "un id, dos avisos");
            repetidos += 1;
            continue;
        }
        let antes = visto.insert(reporte, version).unwrap_or(0);
        assert!(
            antes < version,
            "reporte {reporte}: {version} después de {antes}"
        );
    }
    println!(
        "{motor:?}: {} avisos de {reportes} reportes, {repetidos} repetidos",
        por_id.len()
    );
    assert_eq!(por_id.len(), reportes / 20 * 20 * 2);
    assert!(visto.values().all(|v| *v == 2));
    let Ok(sitio) = Arc::try_unwrap(sitio) else {
        panic!("alguien sigue escribiendo");
    };
    sitio.assert_consistent_and_finish().await;
}
