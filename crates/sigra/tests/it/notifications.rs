//! Who is told what, once, though the servers that tell it are killed.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use sigra_store::notifications::Channels;

use sigra_testkit::{DbKind, Nodes, TestDb, TestSite, iterations, random_below, reporte_in};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_missed_or_told_twice_on_sqlite() {
    kill_notifying_servers(DbKind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_missed_or_told_twice_on_postgres() {
    kill_notifying_servers(DbKind::Postgres, 2).await;
}

/// Reports come in at one server while others, that tell people of them, are killed again and again.
async fn kill_notifying_servers(motor: DbKind, nodos: usize) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let otra = bd.shared();
    let sitio = Arc::new(TestSite::new(bd).await);
    let jefes = [sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await];
    let autor = sitio.trabajador().await;
    let escriben = {
        let sitio = Arc::clone(&sitio);
        tokio::spawn(async move {
            for _ in 0..iterations(10_000) / 20 {
                let lote: Vec<Value> = (0..20).map(|_| reporte_in(1)).collect();
                assert_eq!(
                    sitio.push_batch(&autor, &lote).await["resumen"]["creado"],
                    20
                );
            }
        })
    };
    let mut nodos = Nodes::new(otra, nodos).await;
    for i in 0..iterations(100) {
        let i = i % nodos.red.node_count();
        // The moment is what is tried here.
        tokio::time::sleep(Duration::from_micros(random_below(400_000) as u64)).await;
        nodos.kill(i).await;
        nodos.start(i).await;
    }
    escriben.await.expect("escriben");
    // One that is left alone tells all, and folds what the dashboard counts, with nobody asking for it.
    let mut quedan = 1;
    for _ in 0..1_200 {
        quedan = sitio
            .bd
            .query_i64(
                "SELECT (SELECT max(posicion) FROM cambios) - (SELECT posicion FROM reparto)
            + (SELECT count(*) FROM cambios WHERE posicion IS NULL)
            + (SELECT count(*) FROM conteos_deltas)",
            )
            .await;
        if quedan == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(quedan, 0, "el servidor no avisa por sí mismo");
    let (bd, _dir) = nodos.kill_into_parts().await;
    drop(bd);
    sitio
        .store
        .fan_out_avisos(Channels::default())
        .await
        .expect("reparte");
    let reportes = i64::try_from(iterations(10_000) / 20 * 20).expect("cabe");
    for jefe in &jefes {
        let suyas = format!(
            "FROM notificaciones WHERE rut = {} AND evento = 'reporte.creado'",
            jefe.rut
        );
        assert_eq!(
            sitio
                .bd
                .query_i64(&format!("SELECT count(*) {suyas}"))
                .await,
            reportes
        );
        assert_eq!(
            sitio
                .bd
                .query_i64(&format!("SELECT count(DISTINCT reporte_id) {suyas}"))
                .await,
            reportes
        );
    }
    // In the feed's order.
    let fuera = "SELECT count(*) FROM (SELECT c.posicion < lag(c.posicion) OVER (PARTITION BY n.rut ORDER BY n.id) AS antes
        FROM notificaciones n JOIN cambios c ON c.reporte_id = n.reporte_id AND c.version = n.version) x WHERE antes";
    assert_eq!(sitio.bd.query_i64(fuera).await, 0);
    let Ok(sitio) = Arc::try_unwrap(sitio) else {
        panic!("alguien sigue escribiendo");
    };
    sitio.assert_consistent_and_finish().await;
}
