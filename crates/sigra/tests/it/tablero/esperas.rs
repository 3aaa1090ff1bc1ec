//! Nobody who reports waits for a count.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::{
    arnes::{Ajuste, Directa, a_la_vez, reporte_en},
    en_ambas,
};

en_ambas! {
    con Ajuste { conexiones: 40, ..Ajuste::default() };
    /// On PostgreSQL: all counts are locked, and what one writer notes is not committed; 32 others with
    /// 500 reports each, all of one area, severity and day, go on, and each notes a handful of rows.
    async fn treinta_y_dos_escriben_a_la_vez(sitio: &Sitio) {
        let Directa::Postgres(mut otra) = sitio.bd.directa().await else {
            return;
        };
        let autor = sitio.trabajador().await;
        sitio.lote(&autor, &[reporte_en(1)]).await;
        sitio.store.pliega_conteos().await.unwrap();
        otra.execute("BEGIN").await.unwrap();
        otra.execute("LOCK TABLE conteos IN EXCLUSIVE MODE").await.unwrap();
        otra.execute("INSERT INTO conteos_deltas (fecha, que, area_id, severidad_id, valor, n)
            VALUES ('2026-03-01', 'estado', 1, 3, 1, 1)").await.unwrap();
        let mut tareas = vec![];
        for _ in 0..32 {
            let autor = sitio.trabajador().await;
            let reportes: Vec<Value> = (0..500)
                .map(|_| {
                    let mut r = reporte_en(1);
                    r["fecha_reporte"] = json!("2026-03-01");
                    r
                })
                .collect();
            let ahora = sitio.store.entorno().ahora().to_string();
            let cuerpo = json!({"device_id": "moto-1", "timestamp": ahora, "reportes": reportes});
            tareas.push(sitio.pide("POST", "/sync/batch").como(&autor).json(&cuerpo).envia());
        }
        let todos = tokio::time::timeout(Duration::from_mins(2), a_la_vez(tareas)).await;
        for r in todos.expect("alguien esperó a los conteos") {
            assert_eq!(r.espera(200, "").json["resumen"]["creado"], 500);
        }
        let notas = sitio.bd.entero("SELECT count(*) FROM conteos_deltas").await;
        assert!((32..=32 * 4).contains(&notas), "{notas} notas");
        otra.execute("ROLLBACK").await.unwrap();
        sitio.store.pliega_conteos().await.unwrap();
        let n = "SELECT n FROM conteos WHERE periodo = '2026-03-01' AND que = 'estado'";
        assert_eq!(sitio.bd.entero(n).await, 16_000);
    }
}
