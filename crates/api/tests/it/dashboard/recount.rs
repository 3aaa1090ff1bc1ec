//! `sigra audit recount`: finds counts that somebody changed, and puts them right while others write.

use std::sync::Arc;

use sigra_store::counters::Progress;

use sigra_testkit::{TestSite, both_databases, iterations, reporte_in, run_concurrently};

pub fn silent() -> Progress {
    Arc::new(|_| ())
}

#[both_databases]
async fn the_recount_finds_and_corrects_wrong_counts(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for area in 1..=3 {
        sitio
            .push_batch(&autor, &[reporte_in(area), reporte_in(area)])
            .await;
    }
    sitio.store.roll_up_counts().await.unwrap();
    sitio.push_batch(&autor, &[reporte_in(4)]).await;
    assert_eq!(sitio.store.recount(silent()).await.unwrap().distintas, 0);
    sitio
        .bd
        .sql(
            "UPDATE conteos SET n = n + 1 WHERE area_id = 1 AND que = 'estado';
            DELETE FROM conteos WHERE area_id = 2;
            INSERT INTO conteos (periodo, que, area_id, severidad_id, valor, n)
            VALUES ('1999-12', 'estado', 1, 1, 1, 5)",
        )
        .await
        .unwrap();
    let r = sitio.store.recount(silent()).await.unwrap();
    // By day and by month; the three of area 2 each.
    assert_eq!((r.reportes, r.distintas), (7, 2 + 4 + 1), "{r:?}");
    assert_eq!(
        (
            r.primeras[0].periodo.as_str(),
            r.primeras[0].guardada,
            r.primeras[0].correcta
        ),
        ("1999-12", 5, 0)
    );

    // Others write and fold while it is put right.
    let mut tareas = vec![];
    for _ in 0..4 {
        let autor = sitio.trabajador().await;
        let pedidos: Vec<_> = (0..iterations(200))
            .map(|i| {
                sitio
                    .request("POST", "/reportes")
                    .by(&autor)
                    .json(&reporte_in(1 + i64::try_from(i % 3).unwrap()))
            })
            .collect();
        let store = sitio.store.clone();
        tareas.push(async move {
            for pedido in pedidos {
                pedido.send().await.expect_status(201, "");
                store.roll_up_counts().await.unwrap();
            }
        });
    }
    let escriben = tokio::spawn(run_concurrently(tareas));
    for _ in 0..5 {
        sitio.store.repair_counts(silent()).await.unwrap();
    }
    escriben.await.unwrap();
    assert_eq!(sitio.store.recount(silent()).await.unwrap().distintas, 0);
    let r = sitio.store.repair_counts(silent()).await.unwrap();
    assert_eq!(
        (
            r.distintas,
            sitio
                .bd
                .query_i64("SELECT count(*) FROM conteos_deltas")
                .await
        ),
        (0, 0)
    );
}
