//! Phones that send batches of ten, and an administrador who decides and withdraws.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Comun;
use crate::arnes::{Persona, Respuesta, dado, reporte_en};

const POR_LOTE: usize = 10;

/// A report of a phone and the version it knows.
struct Suyo {
    item: Value,
    version: i64,
}

/// Creates reports and edits them, areas included, until enough has changed.
pub async fn escribe(comun: Arc<Comun>, autor: Persona) {
    let mut suyos: Vec<Suyo> = Vec::new();
    while comun.falta() {
        let mut lote: Vec<Value> = Vec::new();
        for _ in 0..POR_LOTE {
            let area = 1 + dado(5);
            if suyos.len() < 20 || dado(10) < 4 {
                lote.push(reporte_en(i64::try_from(area).unwrap()));
                continue;
            }
            let suyo = &suyos[dado(suyos.len())];
            let mut item = suyo.item.clone();
            item["version_base"] = suyo.version.into();
            item["titulo"] = format!("Roca {}", dado(1_000_000)).into();
            item["area_id"] = area.into();
            if !lote
                .iter()
                .any(|i| i["uuid_cliente"] == item["uuid_cliente"])
            {
                lote.push(item);
            }
        }
        let r = insiste(&comun, &autor, "POST", "/sync/batch", Some(&cuerpo(&lote))).await;
        assert_eq!(r.status, 200, "{}", r.texto);
        let resultados = r.json["resultados"].as_array().unwrap();
        for (item, r) in lote.into_iter().zip(resultados) {
            toma(&comun, &mut suyos, item, r);
        }
    }
}

fn cuerpo(lote: &[Value]) -> Value {
    let timestamp = sigra_store::Entorno::default().ahora().to_string();
    json!({"device_id": "moto-1", "timestamp": timestamp, "reportes": lote})
}

fn toma(comun: &Comun, suyos: &mut Vec<Suyo>, item: Value, r: &Value) {
    let uuid = item["uuid_cliente"].as_str().unwrap().to_owned();
    let lugar = suyos
        .iter()
        .position(|s| s.item["uuid_cliente"] == item["uuid_cliente"]);
    match r["resultado"].as_str().unwrap() {
        // Sent again after an answer that a dead server owed.
        "creado" | "actualizado" | "duplicado" => {
            let version = r["version"].as_i64().unwrap();
            comun.anota(&uuid, version);
            let suyo = Suyo { item, version };
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
pub async fn decide(comun: Arc<Comun>, jefe: Persona) {
    let mut cursor = String::new();
    while comun.falta() {
        let ruta = format!("/reportes?estado=1&limite=20&cursor={cursor}");
        let r = insiste(&comun, &jefe, "GET", &ruta, None).await;
        assert_eq!(r.status, 200, "{}", r.texto);
        cursor = r.json["siguiente"].as_str().unwrap_or_default().to_owned();
        for fila in r.json["items"].as_array().unwrap() {
            if dado(10) > 0 {
                continue;
            }
            let (id, version) = (&fila["id"], fila["version"].as_i64().unwrap());
            let cambio = json!({"detalle": "visto", "version": version});
            let r = if dado(3) == 0 {
                insiste(
                    &comun,
                    &jefe,
                    "DELETE",
                    &format!("/reportes/{id}"),
                    Some(&cambio),
                )
                .await
            } else {
                let ruta = format!("/admin/reportes/{id}/aprobar");
                insiste(&comun, &jefe, "POST", &ruta, Some(&cambio)).await
            };
            if r.status < 300 {
                comun.anota(fila["uuid_cliente"].as_str().unwrap(), version + 1);
            } else {
                // Its author was faster, or it was done under an answer that got lost.
                assert!(matches!(r.status, 404 | 409 | 410 | 412), "{}", r.texto);
            }
        }
    }
}

/// Asks some server until one answers.
pub async fn insiste(
    comun: &Comun,
    quien: &Persona,
    metodo: &str,
    ruta: &str,
    cuerpo: Option<&Value>,
) -> Respuesta {
    loop {
        let nodo = dado(comun.red.nodos());
        let mut pedido = comun.red.pide(nodo, quien, metodo, ruta);
        if let Some(cuerpo) = cuerpo {
            pedido = pedido.json(cuerpo);
        }
        match pedido.intenta().await {
            Ok(r) if r.status < 500 => return r,
            Ok(r) => assert_eq!(r.json["permanente"], false, "{}", r.texto),
            // Dead: another one, or the same when it is back.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}
