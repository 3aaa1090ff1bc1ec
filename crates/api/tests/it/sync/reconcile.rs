//! A phone proves that nothing of what it sent is missing, and learns of all that is.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::bad_items::archivo;
use crate::hostile_input;
use sigra_testkit::{
    ApiResponse, DbKind, Persona, Rng, TestSite, both_databases, expected_hash, iterations,
    reporte_in, uuid,
};

async fn reconcile(sitio: &TestSite, quien: &Persona, tenidos: &[Value]) -> ApiResponse {
    let cuerpo = json!({"device_id": "moto-1", "reportes": tenidos});
    let pedido = sitio.request("POST", "/sync/reconciliar").by(quien);
    pedido.json(&cuerpo).send().await
}

/// What a phone says that it holds of a report it sent.
fn held_reporte(item: &Value) -> Value {
    json!({"uuid_cliente": item["uuid_cliente"], "sha256_contenido": expected_hash(item)})
}

async fn reconcile_one(sitio: &TestSite, quien: &Persona, tenido: &Value) -> String {
    let r = reconcile(sitio, quien, std::slice::from_ref(tenido))
        .await
        .expect_status(200, "");
    r.json["resultados"][0]["resultado"]
        .as_str()
        .expect("resultado")
        .to_owned()
}

/// With numbers, texts and lists that a careless comparison would take for others.
fn varied_item(azar: &mut Rng, i: usize) -> Value {
    let mut item = reporte_in(1);
    item["titulo"] = json!(format!("Roca {i} \u{1f4a5} e\u{301} \"\\\u{2028}"));
    match i % 4 {
        0 => {
            let precision = azar.decimal(5e6) + 5e6;
            item["ubicacion"] = json!({"lat": azar.decimal(90.0), "lon": azar.decimal(180.0), "precision_m": precision});
        }
        1 => item["multimedia"] = json!([]),
        2 => item["ubicacion"] = json!({"lat": -0.0, "lon": 1e-7, "referencia": ""}),
        _ => {}
    }
    item
}

/// Deletes a report as somebody with the database in hand would.
async fn delete_in_db(sitio: &TestSite, uuid: &Value) {
    let guardias = match sitio.bd.motor {
        DbKind::Sqlite => "DROP TRIGGER reportes_no_borrar; PRAGMA foreign_keys = OFF",
        DbKind::Postgres => {
            "DROP TRIGGER reportes_no_borrar ON reportes; SET session_replication_role = replica"
        }
    };
    let sql = format!(
        "{guardias}; DELETE FROM reportes WHERE uuid_cliente = '{}'",
        uuid.as_str().unwrap()
    );
    sitio.bd.sql(&sql).await.expect("borra");
}

#[both_databases]
async fn it_finds_each_missing_reporte_among_thousands(sitio: &TestSite) {
    let (autor, otro, jefe) = (
        sitio.trabajador().await,
        sitio.trabajador().await,
        sitio.administrador().await,
    );
    let mut azar = Rng::new();
    // The last ones of the list come later.
    let n = iterations(10_000) - 30;
    let mut items: Vec<Value> = (0..n).map(|i| varied_item(&mut azar, i)).collect();
    for item in items.iter_mut().take(40) {
        item["multimedia"] = json!([archivo(&uuid())]);
    }
    for i in (1..items.len()).rev() {
        items.swap(i, azar.below(i + 1));
    }
    for lote in items.chunks(500) {
        let r = sitio.push_batch(&autor, lote).await;
        assert_eq!(r["resumen"], json!({"creado": lote.len()}));
    }
    let con_archivo = |i: &Value| i["multimedia"].as_array().is_some_and(|m| !m.is_empty());
    let mut esperados: Vec<&str> = items
        .iter()
        .map(|i| {
            if con_archivo(i) {
                "multimedia_pendiente"
            } else {
                "igual"
            }
        })
        .collect();
    let mut tenidos: Vec<Value> = items.iter().map(held_reporte).collect();
    let comprueba = async |tenidos: &[Value], esperados: &[&str]| {
        let r = reconcile(sitio, &autor, tenidos)
            .await
            .expect_status(200, "")
            .json;
        for (i, r) in r["resultados"].as_array().unwrap().iter().enumerate() {
            assert_eq!(
                (&r["uuid_cliente"], &r["resultado"]),
                (&tenidos[i]["uuid_cliente"], &json!(esperados[i])),
                "{i}: {r} {}",
                tenidos[i]
            );
            assert_eq!(
                r["id"].is_i64() && r["version"].is_i64(),
                esperados[i] != "falta",
                "{r}"
            );
        }
        for suerte in [
            "igual",
            "falta",
            "distinto",
            "multimedia_pendiente",
            "retirado",
        ] {
            let cuantos = esperados.iter().filter(|e| **e == suerte).count();
            assert_eq!(
                r["resumen"][suerte].as_u64().unwrap_or(0),
                cuantos as u64,
                "{suerte}"
            );
        }
        assert_eq!(r["resultados"].as_array().unwrap().len(), esperados.len());
    };
    comprueba(&tenidos, &esperados).await;

    // One of each kind of loss, at random places.
    let mut sanos: Vec<usize> = (0..n).filter(|i| !con_archivo(&items[*i])).collect();
    let mut con: Vec<usize> = (0..n).filter(|i| con_archivo(&items[*i])).collect();
    let mut toma = |de: &mut Vec<usize>| de.swap_remove(azar.below(de.len()));
    sitio.bitacora_rota.store(true, Ordering::Relaxed);
    let arrancado = toma(&mut sanos);
    delete_in_db(sitio, &items[arrancado]["uuid_cliente"]).await;
    esperados[arrancado] = "falta";
    for columnas in [
        "titulo = titulo || ' '",
        "descripcion = NULL",
        "area_id = 2",
        "severidad_id = 1",
        "sha256_contenido = repeat_a",
        "con_manifiesto = NOT con_manifiesto",
        "con_ubicacion = TRUE, lat = 1, lon = 2, precision_m = NULL, referencia = NULL",
    ] {
        let i = toma(&mut sanos);
        let columnas = columnas.replace("repeat_a", &format!("'{}'", "a".repeat(64)));
        let quien = items[i]["uuid_cliente"].as_str().unwrap();
        let sql = format!("UPDATE reportes SET {columnas} WHERE uuid_cliente = '{quien}'");
        sitio.bd.sql(&sql).await.expect(&columnas);
        esperados[i] = "distinto";
    }
    for golpe in [
        "UPDATE multimedia SET nombre = 'otra.jpg'",
        "UPDATE multimedia SET bytes = bytes + 1",
        "DELETE FROM multimedia",
    ] {
        let i = toma(&mut con);
        let quien = items[i]["uuid_cliente"].as_str().unwrap();
        let sql = format!(
            "{golpe} WHERE reporte_id = (SELECT id FROM reportes WHERE uuid_cliente = '{quien}')"
        );
        sitio.bd.sql(&sql).await.expect(golpe);
        esperados[i] = "distinto";
    }
    for de in [&mut sanos, &mut con] {
        let i = toma(de);
        let quien = items[i]["uuid_cliente"].as_str().unwrap();
        let ruta = format!("/reportes/uuid/{quien}");
        let id = sitio
            .request("GET", &ruta)
            .by(&autor)
            .send()
            .await
            .expect_status(200, "")
            .id();
        let motivo = json!({"detalle": "Era una prueba.", "version": 1});
        let pedido = sitio
            .request("DELETE", &format!("/reportes/{id}"))
            .by(&jefe);
        pedido.json(&motivo).send().await.expect_status(204, "");
        esperados[i] = "retirado";
    }
    // Right and wrong versions; the uuid in other letters; one byte of the hash.
    for (version, esperado) in [
        (1, "igual"),
        (0, "distinto"),
        (2, "distinto"),
        (i64::MAX, "distinto"),
    ] {
        let i = toma(&mut sanos);
        tenidos[i]["version"] = json!(version);
        esperados[i] = esperado;
    }
    let i = toma(&mut sanos);
    tenidos[i]["uuid_cliente"] = json!(items[i]["uuid_cliente"].as_str().unwrap().to_uppercase());
    let i = toma(&mut sanos);
    tenidos[i]["sha256_contenido"] = json!("0".repeat(64));
    esperados[i] = "distinto";
    // Never sent, and another person's, whose hash is known.
    let ajeno = reporte_in(1);
    sitio.push_batch(&otro, std::slice::from_ref(&ajeno)).await;
    for item in [&reporte_in(1), &ajeno] {
        let lugar = azar.below(tenidos.len());
        tenidos.insert(lugar, held_reporte(item));
        esperados.insert(lugar, "falta");
    }
    // Twice the same: told twice.
    tenidos.push(tenidos[0].clone());
    esperados.push(esperados[0]);
    comprueba(&tenidos, &esperados).await;
    assert_eq!(esperados.iter().filter(|e| **e == "falta").count(), 3);
    // Whoever may see a report is still not its author.
    assert_eq!(
        reconcile_one(sitio, &jefe, &held_reporte(&ajeno)).await,
        "falta"
    );
    assert_eq!(
        reconcile_one(sitio, &otro, &held_reporte(&ajeno)).await,
        "igual"
    );
}

/// The hash is of what was sent, letters and all.
#[both_databases]
async fn a_manifest_in_capitals_is_still_the_same(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let mut item = reporte_in(1);
    // In lower case the order of these two is another.
    item["multimedia"] = json!([
        archivo("B0000000-0000-4000-8000-000000000001"),
        archivo("a0000000-0000-4000-8000-000000000002")
    ]);
    sitio.push_batch(&autor, std::slice::from_ref(&item)).await;
    let suyo = held_reporte(&item);
    assert_eq!(
        reconcile_one(sitio, &autor, &suyo).await,
        "multimedia_pendiente"
    );
    sitio.bitacora_rota.store(true, Ordering::Relaxed);
    let quien = item["uuid_cliente"].as_str().unwrap();
    let sql =
        |columnas: &str| format!("UPDATE reportes SET {columnas} WHERE uuid_cliente = '{quien}'");
    sitio
        .bd
        .sql(&sql("sync_status = 'completo'"))
        .await
        .unwrap();
    assert_eq!(reconcile_one(sitio, &autor, &suyo).await, "igual");
    sitio.bd.sql(&sql("titulo = 'Otro'")).await.unwrap();
    assert_eq!(reconcile_one(sitio, &autor, &suyo).await, "distinto");
}

#[both_databases]
async fn what_changed_on_the_server_is_different(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.administrador().await);
    let mut item = reporte_in(1);
    let id =
        sitio.push_batch(&autor, std::slice::from_ref(&item)).await["resultados"][0]["id"].clone();
    let edicion = json!({"titulo": "Roca caída", "version": 1});
    let pedido = sitio.request("PUT", &format!("/reportes/{id}")).by(&jefe);
    pedido.json(&edicion).send().await.expect_status(200, "");
    assert_eq!(
        reconcile_one(sitio, &autor, &held_reporte(&item)).await,
        "distinto"
    );
    item["titulo"] = json!("Roca caída");
    assert_eq!(
        reconcile_one(sitio, &autor, &held_reporte(&item)).await,
        "igual"
    );
    // A decision is no change of the content, and another version.
    let pedido = sitio
        .request("POST", &format!("/admin/reportes/{id}/aprobar"))
        .by(&jefe);
    pedido
        .json(&json!({"version": 2}))
        .send()
        .await
        .expect_status(200, "");
    let mut suyo = held_reporte(&item);
    for (version, esperado) in [
        (json!(null), "igual"),
        (json!(2), "distinto"),
        (json!(3), "igual"),
    ] {
        suyo["version"] = version;
        assert_eq!(
            reconcile_one(sitio, &autor, &suyo).await,
            esperado,
            "{suyo}"
        );
    }
}

#[both_databases]
async fn ten_thousand_pass_and_one_more_does_not(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let antes = hostile_input::snapshot(sitio).await;
    let mut tenidos: Vec<Value> = (0..10_000).map(|_| held_reporte(&reporte_in(1))).collect();
    let r = reconcile(sitio, &autor, &tenidos)
        .await
        .expect_status(200, "");
    assert_eq!(r.json["resumen"], json!({"falta": 10_000}));
    tenidos.push(held_reporte(&reporte_in(1)));
    let r = reconcile(sitio, &autor, &tenidos)
        .await
        .expect_status(413, "reconciliacion_muy_grande");
    let dicho = r.json["detail"].as_str().unwrap();
    assert!(
        dicho.contains("10.000") && dicho.contains("8 MiB"),
        "{dicho}"
    );
    let mut grande = json!({"device_id": "moto-1", "reportes": []})
        .to_string()
        .into_bytes();
    for (largo, status, codigo) in [
        (8 << 20, 200, ""),
        ((8 << 20) + 1, 413, "reconciliacion_muy_grande"),
    ] {
        grande.resize(largo, b' ');
        let pedido = sitio.request("POST", "/sync/reconciliar").by(&autor);
        pedido
            .raw(grande.clone())
            .send()
            .await
            .expect_status(status, codigo);
    }
    assert_eq!(hostile_input::snapshot(sitio).await, antes);
}
