//! Batches that overlap, at the same time: nobody waits in a circle, and it is as if they had come one
//! after the other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::batch::with;
use sigra_testkit::{
    ApiResponse, DbKind, TestSite, both_databases, iterations, random_below, reporte_in,
    run_concurrently,
};

const UUIDS: usize = 40;
const BATCHES: usize = 8;
const PER_BATCH: usize = 30;

/// One of the reports as some phone holds it: as it was made, or edited from one of the first versions.
fn item(reportes: &[Value]) -> Value {
    let reporte = &reportes[random_below(reportes.len())];
    match random_below(3) {
        0 => reporte.clone(),
        1 => with(
            reporte,
            &json!({"titulo": format!("Roca {}", random_below(3)), "version_base": 1}),
        ),
        _ => with(
            reporte,
            &json!({"severidad_id": 1 + random_below(3), "version_base": 1 + random_below(3)}),
        ),
    }
}

/// Every answer names one id for a uuid and versions that exist; who made each.
#[derive(Default)]
struct Ledger {
    ids: BTreeMap<String, BTreeSet<i64>>,
    creados: BTreeMap<String, usize>,
    versiones: BTreeMap<String, i64>,
}

impl Ledger {
    fn record(&mut self, r: &ApiResponse) {
        for r in r.json["resultados"].as_array().unwrap() {
            let uuid = r["uuid_cliente"].as_str().unwrap().to_owned();
            match r["resultado"].as_str().unwrap() {
                "rechazado" => {
                    let codigo = r["error"]["codigo"].as_str().unwrap();
                    assert!(
                        ["reporte_retirado", "demasiados_conflictos"].contains(&codigo),
                        "{r}"
                    );
                    continue;
                }
                "creado" => *self.creados.entry(uuid.clone()).or_default() += 1,
                _ => {}
            }
            self.ids
                .entry(uuid.clone())
                .or_default()
                .insert(r["id"].as_i64().unwrap());
            let version = self.versiones.entry(uuid).or_default();
            *version = r["version"].as_i64().unwrap().max(*version);
        }
    }
}

async fn count_deadlocks(sitio: &TestSite) -> i64 {
    let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    match sitio.bd.motor {
        DbKind::Postgres => sitio.bd.query_i64(sql).await,
        DbKind::Sqlite => 0,
    }
}

#[both_databases]
async fn crossing_batches_do_not_deadlock(sitio: &TestSite) {
    let (autor, jefa, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    for _ in 0..iterations(100) {
        let reportes: Vec<Value> = (0..UUIDS).map(|_| reporte_in(1)).collect();
        let lotes: Vec<Vec<Value>> = (0..BATCHES)
            .map(|_| (0..PER_BATCH).map(|_| item(&reportes)).collect())
            .collect();
        let ahora = sitio.store.env().now().to_string();
        let cuerpos: Vec<Value> = lotes.iter().enumerate()
                .map(|(n, l)| json!({"device_id": format!("moto-{}", n % 3), "timestamp": ahora, "reportes": l})).collect();
        let envia = |cuerpo: &Value| {
            sitio
                .request("POST", "/sync/batch")
                .by(&autor)
                .json(cuerpo)
                .send()
        };
        let mut libro = Ledger::default();
        // All at once, then all once more while others decide.
        for r in run_concurrently(cuerpos.iter().map(envia)).await {
            libro.record(&r.expect_status(200, ""));
        }
        let todos = sitio
            .request("GET", "/reportes?limite=200")
            .by(&autor)
            .send()
            .await
            .json;
        let suyos: Vec<&Value> = todos["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|r| {
                reportes
                    .iter()
                    .any(|s| s["uuid_cliente"] == r["uuid_cliente"])
            })
            .collect();
        let decisiones = suyos.iter().take(12).enumerate().map(|(n, r)| {
            let cuerpo =
                json!({"titulo": "Visto", "detalle": "de prueba", "version": r["version"]});
            let (quien, metodo, ruta) = match n % 3 {
                0 => (&jefa, "PUT", format!("/reportes/{}", r["id"])),
                1 => (
                    &jefa,
                    "POST",
                    format!("/admin/reportes/{}/aprobar", r["id"]),
                ),
                _ => (&admin, "DELETE", format!("/reportes/{}", r["id"])),
            };
            sitio.request(metodo, &ruta).by(quien).json(&cuerpo).send()
        });
        let (otra_vez, decididos) = tokio::join!(
            run_concurrently(cuerpos.iter().map(envia)),
            run_concurrently(decisiones)
        );
        for r in &otra_vez {
            assert_eq!(r.status, 200, "{}", r.texto);
            libro.record(r);
        }
        assert!(
            decididos
                .iter()
                .all(|r| matches!(r.status, 200 | 204 | 409 | 412)),
            "{decididos:?}"
        );
        // One row and one maker for each, and no version that was told and is not there.
        assert!(
            libro.ids.values().all(|ids| ids.len() == 1),
            "{:?}",
            libro.ids
        );
        let hechos: BTreeSet<&str> = lotes
            .iter()
            .flatten()
            .filter_map(|r| r["uuid_cliente"].as_str())
            .collect();
        assert_eq!(libro.creados.len(), hechos.len());
        assert!(
            libro.creados.values().all(|n| *n == 1),
            "{:?}",
            libro.creados
        );
        for (uuid, version) in &libro.versiones {
            let sql = format!("SELECT version FROM reportes WHERE uuid_cliente = '{uuid}'");
            assert!(
                sitio.bd.query_i64(&sql).await >= *version,
                "{uuid} {version}"
            );
        }
    }
    assert_eq!(
        count_deadlocks(sitio).await,
        0,
        "PostgreSQL tuvo que romper un abrazo mortal"
    );
}

/// What was sent at once by two phones is told each of them as if one had come after the other.
#[both_databases]
async fn two_copies_at_once_give_one_row_and_the_same_ids(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for _ in 0..iterations(100) {
        let lote: Vec<Value> = (0..20).map(|_| reporte_in(1)).collect();
        let ahora = sitio.store.env().now().to_string();
        let cuerpo = json!({"device_id": "moto-1", "timestamp": ahora, "reportes": lote});
        let copias = (0..3).map(|_| {
            sitio
                .request("POST", "/sync/batch")
                .by(&autor)
                .json(&cuerpo)
                .send()
        });
        let rs = run_concurrently(copias).await;
        let mut resumenes: Vec<String> = rs.iter().map(|r| r.json["resumen"].to_string()).collect();
        resumenes.sort();
        assert_eq!(
            resumenes,
            [
                r#"{"creado":20}"#,
                r#"{"duplicado":20}"#,
                r#"{"duplicado":20}"#
            ]
        );
        let ids = |r: &ApiResponse| {
            r.json["resultados"]
                .as_array()
                .unwrap()
                .iter()
                .map(|r| r["id"].clone())
                .collect::<Vec<_>>()
        };
        assert!(rs.iter().all(|r| ids(r) == ids(&rs[0])));
    }
}
