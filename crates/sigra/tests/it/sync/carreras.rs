//! Batches that overlap, at the same time: nobody waits in a circle, and it is as if they had come one
//! after the other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::lote::con;
use crate::{
    arnes::{Motor, Respuesta, Sitio, a_la_vez, cuenta, dado, reporte_en},
    en_ambas,
};

const UUIDS: usize = 40;
const LOTES: usize = 8;
const POR_LOTE: usize = 30;

/// One of the reports as some phone holds it: as it was made, or edited from one of the first versions.
fn item(reportes: &[Value]) -> Value {
    let reporte = &reportes[dado(reportes.len())];
    match dado(3) {
        0 => reporte.clone(),
        1 => con(
            reporte,
            &json!({"titulo": format!("Roca {}", dado(3)), "version_base": 1}),
        ),
        _ => con(
            reporte,
            &json!({"severidad_id": 1 + dado(3), "version_base": 1 + dado(3)}),
        ),
    }
}

/// Every answer names one id for a uuid and versions that exist; who made each.
#[derive(Default)]
struct Libro {
    ids: BTreeMap<String, BTreeSet<i64>>,
    creados: BTreeMap<String, usize>,
    versiones: BTreeMap<String, i64>,
}

impl Libro {
    fn anota(&mut self, r: &Respuesta) {
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

async fn abrazos(sitio: &Sitio) -> i64 {
    let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    match sitio.bd.motor {
        Motor::Postgres => sitio.bd.entero(sql).await,
        Motor::Sqlite => 0,
    }
}

en_ambas! {
    async fn lotes_que_se_cruzan_no_se_traban(sitio: &Sitio) {
        let (autor, jefa, admin) = (sitio.trabajador().await, sitio.supervisor(&[1]).await, sitio.administrador().await);
        for _ in 0..cuenta(100) {
            let reportes: Vec<Value> = (0..UUIDS).map(|_| reporte_en(1)).collect();
            let lotes: Vec<Vec<Value>> = (0..LOTES).map(|_| (0..POR_LOTE).map(|_| item(&reportes)).collect()).collect();
            let ahora = sitio.store.entorno().ahora().to_string();
            let cuerpos: Vec<Value> = lotes.iter().enumerate()
                .map(|(n, l)| json!({"device_id": format!("moto-{}", n % 3), "timestamp": ahora, "reportes": l})).collect();
            let envia = |cuerpo: &Value| sitio.pide("POST", "/sync/batch").como(&autor).json(cuerpo).envia();
            let mut libro = Libro::default();
            // All at once, then all once more while others decide.
            for r in a_la_vez(cuerpos.iter().map(envia)).await {
                libro.anota(&r.espera(200, ""));
            }
            let todos = sitio.pide("GET", "/reportes?limite=200").como(&autor).envia().await.json;
            let suyos: Vec<&Value> = todos["items"].as_array().unwrap().iter()
                .filter(|r| reportes.iter().any(|s| s["uuid_cliente"] == r["uuid_cliente"])).collect();
            let decisiones = suyos.iter().take(12).enumerate().map(|(n, r)| {
                let cuerpo = json!({"titulo": "Visto", "detalle": "de prueba", "version": r["version"]});
                let (quien, metodo, ruta) = match n % 3 {
                    0 => (&jefa, "PUT", format!("/reportes/{}", r["id"])),
                    1 => (&jefa, "POST", format!("/admin/reportes/{}/aprobar", r["id"])),
                    _ => (&admin, "DELETE", format!("/reportes/{}", r["id"])),
                };
                sitio.pide(metodo, &ruta).como(quien).json(&cuerpo).envia()
            });
            let (otra_vez, decididos) = tokio::join!(a_la_vez(cuerpos.iter().map(envia)), a_la_vez(decisiones));
            for r in &otra_vez {
                assert_eq!(r.status, 200, "{}", r.texto);
                libro.anota(r);
            }
            assert!(decididos.iter().all(|r| matches!(r.status, 200 | 204 | 409 | 412)), "{decididos:?}");
            // One row and one maker for each, and no version that was told and is not there.
            assert!(libro.ids.values().all(|ids| ids.len() == 1), "{:?}", libro.ids);
            let hechos: BTreeSet<&str> = lotes.iter().flatten().filter_map(|r| r["uuid_cliente"].as_str()).collect();
            assert_eq!(libro.creados.len(), hechos.len());
            assert!(libro.creados.values().all(|n| *n == 1), "{:?}", libro.creados);
            for (uuid, version) in &libro.versiones {
                let sql = format!("SELECT version FROM reportes WHERE uuid_cliente = '{uuid}'");
                assert!(sitio.bd.entero(&sql).await >= *version, "{uuid} {version}");
            }
        }
        assert_eq!(abrazos(sitio).await, 0, "PostgreSQL tuvo que romper un abrazo mortal");
    }

    /// What was sent at once by two phones is told each of them as if one had come after the other.
    async fn dos_copias_a_la_vez_dan_una_fila_y_los_mismos_ids(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        for _ in 0..cuenta(100) {
            let lote: Vec<Value> = (0..20).map(|_| reporte_en(1)).collect();
            let ahora = sitio.store.entorno().ahora().to_string();
            let cuerpo = json!({"device_id": "moto-1", "timestamp": ahora, "reportes": lote});
            let copias = (0..3).map(|_| sitio.pide("POST", "/sync/batch").como(&autor).json(&cuerpo).envia());
            let rs = a_la_vez(copias).await;
            let mut resumenes: Vec<String> = rs.iter().map(|r| r.json["resumen"].to_string()).collect();
            resumenes.sort();
            assert_eq!(resumenes, [r#"{"creado":20}"#, r#"{"duplicado":20}"#, r#"{"duplicado":20}"#]);
            let ids = |r: &Respuesta| r.json["resultados"].as_array().unwrap().iter().map(|r| r["id"].clone()).collect::<Vec<_>>();
            assert!(rs.iter().all(|r| ids(r) == ids(&rs[0])));
        }
    }
}
