//! Nobody who reports waits for a count.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::{
    arnes::{Ajuste, Directa, a_la_vez, reporte_en},
    en_ambas,
};

/// All of one area, severity and day.
fn reporte() -> Value {
    let mut r = reporte_en(1);
    r["fecha_reporte"] = json!("2026-03-01");
    r
}

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
            let reportes: Vec<Value> = (0..500).map(|_| reporte()).collect();
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

en_ambas! {
    /// What 500 reports counted for and what they count for now is a handful of rows as well; what does not
    /// count is none.
    async fn quinientos_editados_son_pocas_notas(sitio: &Sitio) {
        const NOTAS: &str = "SELECT count(*) FROM conteos_deltas";
        let autor = sitio.trabajador().await;
        let mut reportes: Vec<Value> = (0..500).map(|_| reporte()).collect();
        assert_eq!(sitio.lote(&autor, &reportes).await["resumen"]["creado"], 500);
        sitio.store.pliega_conteos().await.unwrap();
        assert_eq!(sitio.bd.entero(NOTAS).await, 0);
        let ediciones = [("severidad_id", json!(1), 1..=2 * 4), ("titulo", json!("Roca caída"), 0..=0)];
        for (version, (campo, valor, caben)) in (1..).zip(ediciones) {
            for r in &mut reportes {
                r["version_base"] = json!(version);
                r[campo] = valor.clone();
            }
            let r = sitio.lote(&autor, &reportes).await;
            assert_eq!(r["resumen"], json!({"actualizado": 500}), "{campo}");
            let notas = sitio.bd.entero(NOTAS).await;
            assert!(caben.contains(&notas), "{campo}: {notas} notas");
            sitio.store.pliega_conteos().await.unwrap();
        }
        for (severidad, cuantos) in [(1, 500), (3, 0)] {
            let n = format!("SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM conteos
                WHERE periodo = '2026-03-01' AND que = 'estado' AND severidad_id = {severidad}");
            assert_eq!(sitio.bd.entero(&n).await, cuantos);
        }
    }
}
