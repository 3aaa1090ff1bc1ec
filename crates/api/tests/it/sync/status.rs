//! `GET /sync/status`: what a person's phones still have to do.

use serde_json::{Value, json};

use super::{
    bad_items::archivo,
    batch::{send_one, with},
    devices::send_presence,
};
use sigra_testkit::{Persona, TestSite, both_databases, reporte_in, uuid};

async fn estado(sitio: &TestSite, quien: &Persona, consulta: &str) -> Value {
    let pedido = sitio
        .request("GET", &format!("/sync/status?{consulta}"))
        .by(quien);
    pedido.send().await.expect_status(200, "").json
}

async fn cursor(sitio: &TestSite, quien: &Persona) -> String {
    let r = sitio
        .request("GET", "/sync/changes")
        .by(quien)
        .send()
        .await
        .expect_status(200, "");
    r.json["cursor"].as_str().expect("cursor").to_owned()
}

#[both_databases]
async fn the_last_sync_of_one_phone_and_of_any(sitio: &TestSite) {
    let (rosa, luis) = (sitio.trabajador().await, sitio.trabajador().await);
    for consulta in ["", "device_id=moto", "device_id="] {
        assert_eq!(
            estado(sitio, &rosa, consulta).await["last_sync"],
            Value::Null
        );
    }
    let mut veces = vec![];
    for (quien, device) in [(&rosa, "moto"), (&rosa, "nokia"), (&luis, "moto")] {
        sitio.store.env().advance(5_000);
        send_presence(sitio, quien, device, 0, json!({})).await;
        let ultima =
            estado(sitio, quien, &format!("device_id={device}")).await["last_sync"].clone();
        assert!(ultima.is_string(), "{ultima}");
        veces.push(ultima);
    }
    assert!(
        veces.windows(2).all(|v| v[0].as_str() < v[1].as_str()),
        "{veces:?}"
    );
    assert_eq!(
        estado(sitio, &rosa, "device_id=moto").await["last_sync"],
        veces[0]
    );
    for (quien, consulta, esperada) in [
        (&rosa, "", &veces[1]),
        (&rosa, "device_id=", &veces[1]),
        (&luis, "", &veces[2]),
        (&rosa, "device_id=otro", &Value::Null),
        (&luis, "device_id=nokia", &Value::Null),
    ] {
        assert_eq!(
            estado(sitio, quien, consulta).await["last_sync"],
            *esperada,
            "{consulta}"
        );
    }
    let r = sitio
        .request("GET", "/sync/status?device_id=con%20espacio")
        .by(&rosa)
        .send()
        .await;
    let r = r.expect_status(422, "datos_invalidos");
    assert_eq!(r.json["errores"][0]["codigo"], "caracter_no_permitido");
}

#[both_databases]
async fn what_is_missing_is_named_from_oldest_to_newest(sitio: &TestSite) {
    let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let e = estado(sitio, &autor, "").await;
    assert_eq!(
        (&e["pending_count"], &e["pendientes"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(
        e["limites"],
        json!({"reportes_por_lote": 500, "bytes_por_lote": 8 << 20,
            "reportes_por_reconciliacion": 10_000, "cambios_por_pagina": 1_000, "sync_por_minuto": 0})
    );
    assert!(
        e["hora_servidor"].is_string() && e.get("cambios_disponibles").is_none(),
        "{e}"
    );

    let archivos = [uuid(), uuid()];
    let mut con_archivos = reporte_in(1);
    con_archivos["hora_creado"] = json!("2026-03-02T00:00:00Z");
    con_archivos["multimedia"] = archivos.iter().map(|a| archivo(a)).collect();
    let mut disputado = reporte_in(1);
    disputado["hora_creado"] = json!("2026-03-01T00:00:00Z");
    sitio
        .push_batch(
            &autor,
            &[reporte_in(1), con_archivos.clone(), disputado.clone()],
        )
        .await;
    sitio
        .push_batch(
            &jefa,
            &[with(&con_archivos, &json!({"uuid_cliente": uuid()}))],
        )
        .await;
    let choque = send_one(sitio, &autor, &with(&disputado, &json!({"titulo": "Otro"}))).await;
    assert_eq!(choque["resultado"], "conflicto", "{choque}");

    let e = estado(sitio, &autor, "").await;
    assert_eq!(e["pending_count"], 2);
    let pendientes = e["pendientes"].as_array().unwrap();
    assert_eq!(
        pendientes[0],
        json!({"uuid_cliente": disputado["uuid_cliente"], "motivo": "conflicto", "faltan": []})
    );
    assert_eq!(
        (&pendientes[1]["uuid_cliente"], &pendientes[1]["motivo"]),
        (
            &con_archivos["uuid_cliente"],
            &json!("multimedia_pendiente")
        )
    );
    let mut faltan: Vec<&str> = pendientes[1]["faltan"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f.as_str().unwrap())
        .collect();
    let mut esperados: Vec<&str> = archivos.iter().map(String::as_str).collect();
    faltan.sort_unstable();
    esperados.sort_unstable();
    assert_eq!((faltan, pendientes.len()), (esperados, 2));

    // One file came; the conflict is resolved.
    let llega = |estado| {
        format!(
            "UPDATE multimedia SET estado = '{estado}' WHERE uuid_cliente = '{}'",
            archivos[0]
        )
    };
    sitio.bd.sql(&llega("subido")).await.unwrap();
    let ruta = format!("/sync/conflictos/{}/resolver", choque["conflicto_id"]);
    let resuelve = json!({"decision": "servidor", "version": 2});
    sitio
        .request("POST", &ruta)
        .by(&autor)
        .json(&resuelve)
        .send()
        .await
        .expect_status(200, "");
    let e = estado(sitio, &autor, "").await;
    assert_eq!(
        (&e["pending_count"], &e["pendientes"]),
        (
            &json!(1),
            &json!([{
            "uuid_cliente": con_archivos["uuid_cliente"], "motivo": "multimedia_pendiente", "faltan": [archivos[1]]}])
        )
    );
    // No entry of the bitácora leads there.
    sitio.bd.sql(&llega("pendiente")).await.unwrap();
}

#[both_databases]
async fn of_many_pending_all_are_counted_and_two_hundred_named(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let items: Vec<Value> = (0..203)
        .map(|_| with(&reporte_in(1), &json!({"multimedia": [archivo(&uuid())]})))
        .collect();
    sitio.push_batch(&autor, &items).await;
    let e = estado(sitio, &autor, "").await;
    assert_eq!(
        (
            &e["pending_count"],
            e["pendientes"].as_array().unwrap().len()
        ),
        (&json!(203), 200)
    );
}

#[both_databases]
async fn it_says_whether_there_are_changes_without_spending_the_cursor(sitio: &TestSite) {
    let (autor, jefa, otra) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[2]).await,
    );
    let mut cursores = vec![];
    for quien in [&autor, &jefa, &otra] {
        cursores.push(cursor(sitio, quien).await);
    }
    let hay = async |i: usize| {
        let quien = [&autor, &jefa, &otra][i];
        estado(sitio, quien, &format!("cursor={}", cursores[i])).await["cambios_disponibles"]
            .clone()
    };
    assert_eq!(
        [hay(0).await, hay(1).await, hay(2).await],
        [false, false, false]
    );
    sitio.push_batch(&autor, &[reporte_in(1)]).await;
    for _ in 0..2 {
        assert_eq!(
            [hay(0).await, hay(1).await, hay(2).await],
            [true, true, false]
        );
    }
    let despues = cursor(sitio, &autor).await;
    assert_eq!(
        estado(sitio, &autor, &format!("cursor={despues}")).await["cambios_disponibles"],
        false
    );
    // Another's cursor, and one that nobody gave.
    for malo in ["x", &cursores[1]] {
        let pedido = sitio
            .request("GET", &format!("/sync/status?cursor={malo}"))
            .by(&autor);
        pedido.send().await.expect_status(422, "cursor_invalido");
    }
}
