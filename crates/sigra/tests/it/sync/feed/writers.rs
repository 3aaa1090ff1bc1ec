//! Phones that send batches of ten, and an administrador who decides and withdraws.

use std::sync::Arc;

use serde_json::{Value, json};

use super::SharedState;
use sigra_testkit::{ApiResponse, Persona, random_below, reporte_in};

const PER_BATCH: usize = 10;

/// A report of a phone and the version it knows.
struct KnownReporte {
    item: Value,
    version: i64,
}

/// Creates reports and edits them, areas included, until enough has changed.
pub async fn write(comun: Arc<SharedState>, autor: Persona) {
    let mut suyos: Vec<KnownReporte> = Vec::new();
    while comun.unfinished() {
        let mut lote: Vec<Value> = Vec::new();
        for _ in 0..PER_BATCH {
            let area = 1 + random_below(5);
            if suyos.len() < 20 || random_below(10) < 4 {
                lote.push(reporte_in(i64::try_from(area).unwrap()));
                continue;
            }
            let suyo = &suyos[random_below(suyos.len())];
            let mut item = suyo.item.clone();
            item["version_base"] = suyo.version.into();
            item["titulo"] = format!("Roca {}", random_below(1_000_000)).into();
            item["area_id"] = area.into();
            if !lote
                .iter()
                .any(|i| i["uuid_cliente"] == item["uuid_cliente"])
            {
                lote.push(item);
            }
        }
        let r =
            request_until_answered(&comun, &autor, "POST", "/sync/batch", Some(&body(&lote))).await;
        assert_eq!(r.status, 200, "{}", r.texto);
        let resultados = r.json["resultados"].as_array().unwrap();
        for (item, r) in lote.into_iter().zip(resultados) {
            take_answer(&comun, &mut suyos, item, r);
        }
    }
}

fn body(lote: &[Value]) -> Value {
    let timestamp = sigra_store::Env::default().now().to_string();
    json!({"device_id": "moto-1", "timestamp": timestamp, "reportes": lote})
}

fn take_answer(comun: &SharedState, suyos: &mut Vec<KnownReporte>, item: Value, r: &Value) {
    let uuid = item["uuid_cliente"].as_str().unwrap().to_owned();
    let lugar = suyos
        .iter()
        .position(|s| s.item["uuid_cliente"] == item["uuid_cliente"]);
    match r["resultado"].as_str().unwrap() {
        // Sent again after an answer that a dead server owed.
        "creado" | "actualizado" | "duplicado" => {
            let version = r["version"].as_i64().unwrap();
            comun.record(&uuid, version);
            let suyo = KnownReporte { item, version };
            match lugar {
                Some(i) => suyos[i] = suyo,
                None if suyos.len() < 200 => suyos.push(suyo),
                None => {}
            }
        }
        // Decided or withdrawn: this phone edits it no more.
        "conflicto" | "rechazado" => {
            suyos.swap_remove(lugar.expect("editado"));
        }
        otro => panic!("{otro}: {r}"),
    }
}

/// Approves some and withdraws some.
pub async fn decide(comun: Arc<SharedState>, jefe: Persona) {
    let mut cursor = String::new();
    while comun.unfinished() {
        let ruta = format!("/reportes?estado=1&limite=20&cursor={cursor}");
        let r = request_until_answered(&comun, &jefe, "GET", &ruta, None).await;
        assert_eq!(r.status, 200, "{}", r.texto);
        cursor = r.json["siguiente"].as_str().unwrap_or_default().to_owned();
        for fila in r.json["items"].as_array().unwrap() {
            if random_below(10) > 0 {
                continue;
            }
            let (id, version) = (&fila["id"], fila["version"].as_i64().unwrap());
            let cambio = json!({"detalle": "visto", "version": version});
            let r = if random_below(3) == 0 {
                request_until_answered(
                    &comun,
                    &jefe,
                    "DELETE",
                    &format!("/reportes/{id}"),
                    Some(&cambio),
                )
                .await
            } else {
                let ruta = format!("/admin/reportes/{id}/aprobar");
                request_until_answered(&comun, &jefe, "POST", &ruta, Some(&cambio)).await
            };
            if r.status < 300 {
                comun.record(fila["uuid_cliente"].as_str().unwrap(), version + 1);
            } else {
                // Its author was faster, or it was done under an answer that got lost.
                assert!(matches!(r.status, 404 | 409 | 410 | 412), "{}", r.texto);
            }
        }
    }
}

/// Asks some server until one answers.
pub async fn request_until_answered(
    comun: &SharedState,
    quien: &Persona,
    metodo: &str,
    ruta: &str,
    cuerpo: Option<&Value>,
) -> ApiResponse {
    loop {
        let nodo = random_below(comun.red.node_count());
        let mut pedido = comun.red.request(nodo, quien, metodo, ruta);
        if let Some(cuerpo) = cuerpo {
            pedido = pedido.json(cuerpo);
        }
        match pedido.attempt().await {
            Ok(r) if r.status < 500 => return r,
            Ok(r) => assert_eq!(r.json["permanente"], false, "{}", r.texto),
            // Dead: another one, or the same when it is back.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}
