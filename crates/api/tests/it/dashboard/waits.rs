//! Nobody who reports waits for a count.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Executor as _;

use sigra_testkit::{
    DirectConn, SiteOptions, TestSite, both_databases, reporte_in, run_concurrently,
};

/// All of one area, severity and day.
fn reporte() -> Value {
    let mut r = reporte_in(1);
    r["fecha_reporte"] = json!("2026-03-01");
    r
}

/// On PostgreSQL: all counts are locked, and what one writer notes is not committed; 32 others with
/// 500 reports each, all of one area, severity and day, go on, and each notes a handful of rows.
#[both_databases(SiteOptions { conexiones: 40, ..SiteOptions::default() })]
async fn thirty_two_write_at_once_without_waiting(sitio: &TestSite) {
    let DirectConn::Postgres(mut otra) = sitio.bd.connect_directly().await else {
        return;
    };
    let autor = sitio.trabajador().await;
    sitio.push_batch(&autor, &[reporte_in(1)]).await;
    sitio.store.roll_up_counts().await.unwrap();
    otra.execute("BEGIN").await.unwrap();
    otra.execute("LOCK TABLE conteos IN EXCLUSIVE MODE")
        .await
        .unwrap();
    otra.execute(
        "INSERT INTO conteos_deltas (fecha, que, area_id, severidad_id, valor, n)
            VALUES ('2026-03-01', 'estado', 1, 3, 1, 1)",
    )
    .await
    .unwrap();
    let mut tareas = vec![];
    for _ in 0..32 {
        let autor = sitio.trabajador().await;
        let reportes: Vec<Value> = (0..500).map(|_| reporte()).collect();
        let ahora = sitio.store.env().now().to_string();
        let cuerpo = json!({"device_id": "moto-1", "timestamp": ahora, "reportes": reportes});
        tareas.push(
            sitio
                .request("POST", "/sync/batch")
                .by(&autor)
                .json(&cuerpo)
                .send(),
        );
    }
    let todos = tokio::time::timeout(Duration::from_mins(2), run_concurrently(tareas)).await;
    for r in todos.expect("alguien esperó a los conteos") {
        assert_eq!(r.expect_status(200, "").json["resumen"]["creado"], 500);
    }
    let notas = sitio
        .bd
        .query_i64("SELECT count(*) FROM conteos_deltas")
        .await;
    assert!((32..=32 * 4).contains(&notas), "{notas} notas");
    otra.execute("ROLLBACK").await.unwrap();
    sitio.store.roll_up_counts().await.unwrap();
    let n = "SELECT n FROM conteos WHERE periodo = '2026-03-01' AND que = 'estado'";
    assert_eq!(sitio.bd.query_i64(n).await, 16_000);
}

/// What 500 reports counted for and what they count for now is a handful of rows as well; what does not
/// count is none.
#[both_databases]
async fn five_hundred_edits_are_few_counter_rows(sitio: &TestSite) {
    const COUNT_DELTAS: &str = "SELECT count(*) FROM conteos_deltas";
    let autor = sitio.trabajador().await;
    let mut reportes: Vec<Value> = (0..500).map(|_| reporte()).collect();
    assert_eq!(
        sitio.push_batch(&autor, &reportes).await["resumen"]["creado"],
        500
    );
    sitio.store.roll_up_counts().await.unwrap();
    assert_eq!(sitio.bd.query_i64(COUNT_DELTAS).await, 0);
    let ediciones = [
        ("severidad_id", json!(1), 1..=2 * 4),
        ("titulo", json!("Roca caída"), 0..=0),
    ];
    for (version, (campo, valor, caben)) in (1..).zip(ediciones) {
        for r in &mut reportes {
            r["version_base"] = json!(version);
            r[campo] = valor.clone();
        }
        let r = sitio.push_batch(&autor, &reportes).await;
        assert_eq!(r["resumen"], json!({"actualizado": 500}), "{campo}");
        let notas = sitio.bd.query_i64(COUNT_DELTAS).await;
        assert!(caben.contains(&notas), "{campo}: {notas} notas");
        sitio.store.roll_up_counts().await.unwrap();
    }
    for (severidad, cuantos) in [(1, 500), (3, 0)] {
        let n = format!(
            "SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM conteos
                WHERE periodo = '2026-03-01' AND que = 'estado' AND severidad_id = {severidad}"
        );
        assert_eq!(sitio.bd.query_i64(&n).await, cuantos);
    }
}
