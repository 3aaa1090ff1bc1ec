//! What each event says.

use std::collections::HashSet;

use serde_json::{Value, json};
use sigra_domain::Instante;
use sigra_store::notifications::EscalationDelays;

use super::{EVENTS, verify_signature};
use crate::{delivery::deliver_due, escalation::today};
use sigra_testkit::{
    Persona, SiteOptions, TestSite, both_databases,
    files::{FilesFixture, Photo, reporte_with},
    openapi,
    receiver::HttpReceiver,
    reporte_in,
};

/// What a report's events say of it.
fn data(reporte: &Value, version: i64, titulo: &str, estado: (i64, &str)) -> Value {
    json!({
        "reporte_id": reporte["id"],
        "uuid_cliente": reporte["uuid_cliente"],
        "version": version,
        "titulo": titulo,
        "area": {"id": 1, "nombre": "Perforación y Tronadura"},
        "severidad": {"id": 3, "nombre": "Alta"},
        "estado": {"id": estado.0, "nombre": estado.1},
        "retirado": false,
        "url": format!("/reportes/{}", reporte["id"]),
    })
}

/// Each kind that there is, signed, with the fields that the guide promises and no others.
#[both_databases(SiteOptions { hacia_aqui: true, ..SiteOptions::default() })]
async fn one_of_each_event_is_delivered_and_signed(sitio: &TestSite) {
    const PENDIENTE: (i64, &str) = (1, "Pendiente");
    let descripcion: Value =
        serde_json::from_str(&std::fs::read_to_string(openapi::OPENAPI_PATH).unwrap()).unwrap();
    let maximo =
        &descripcion["components"]["schemas"]["WebhookCreate"]["properties"]["eventos"]["maxItems"];
    assert_eq!(*maximo, json!(EVENTS.len()), "hay otros eventos");
    let receptor = HttpReceiver::open(|_| 204).await;
    let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let admin = sitio.administrador().await;
    let (_, secreto) = sitio.create_webhook(&admin, &receptor.url, &EVENTS).await;
    let mut vistos: Vec<(String, String)> = vec![];
    // The one that came since the last time.
    let mut llega = async |evento: &str, data: Value| {
        deliver_due(sitio).await;
        let todos = receptor.all();
        assert_eq!(todos.len(), vistos.len() + 1, "{evento}");
        let r = &todos[vistos.len()];
        assert!(verify_signature(r, &r.cuerpo, &secreto), "{evento}");
        assert_eq!(r.header("content-type"), "application/json");
        let cuerpo = r.json();
        assert!(
            Instante::parse(cuerpo["timestamp"].as_str().unwrap()).is_some(),
            "{cuerpo}"
        );
        assert_eq!(
            cuerpo,
            json!({"type": evento, "timestamp": cuerpo["timestamp"], "data": data})
        );
        for quien in [&autor, &jefa, &admin] {
            assert!(
                !cuerpo.to_string().contains(&quien.rut.to_string()),
                "dice quién: {cuerpo}"
            );
        }
        vistos.push((evento.to_owned(), r.header("webhook-id").to_owned()));
    };
    let sincroniza = async |item: &Value| {
        let ahora = sitio.store.env().now().to_string();
        let lote =
            json!({"device_id": "moto-7", "timestamp": ahora, "pendientes": 4, "reportes": [item]});
        let r = sitio
            .request("POST", "/sync/batch")
            .by(&autor)
            .json(&lote)
            .send()
            .await
            .expect_status(200, "");
        r.json["resultados"][0].clone()
    };
    let manda = async |quien: &Persona, op: &str, cuerpo: Value| {
        let (metodo, ruta) = op.split_once(' ').expect("op");
        sitio
            .request(metodo, ruta)
            .by(quien)
            .json(&cuerpo)
            .send()
            .await
            .expect_status(200, "");
    };

    let mut item = reporte_in(1);
    let creado = sincroniza(&item).await;
    let a = json!({"id": creado["id"], "uuid_cliente": item["uuid_cliente"]});
    llega(
        "reporte.creado",
        data(&a, 1, "Roca suelta en galería 4", PENDIENTE),
    )
    .await;
    manda(
        &jefa,
        &format!("PUT /reportes/{}", a["id"]),
        json!({"titulo": "Del servidor", "version": 1}),
    )
    .await;
    llega("reporte.cambiado", data(&a, 2, "Del servidor", PENDIENTE)).await;
    item["titulo"] = json!("Del teléfono");
    item["version_base"] = json!(1);
    let conflicto = sincroniza(&item).await["conflicto_id"].clone();
    llega("conflicto.creado", data(&a, 3, "Del servidor", PENDIENTE)).await;
    let resuelve = format!("POST /sync/conflictos/{conflicto}/resolver");
    manda(
        &autor,
        &resuelve,
        json!({"decision": "cliente", "version": 3}),
    )
    .await;
    llega("reporte.cambiado", data(&a, 4, "Del teléfono", PENDIENTE)).await;
    manda(
        &jefa,
        &format!("POST /admin/reportes/{}/aprobar", a["id"]),
        json!({}),
    )
    .await;
    llega(
        "reporte.decidido",
        data(&a, 5, "Del teléfono", (2, "Aprobado")),
    )
    .await;
    let foto = Photo::new(900);
    let b = sitio
        .create(&autor, &reporte_with(&[&foto]))
        .await
        .expect_status(201, "")
        .json;
    llega(
        "reporte.creado",
        data(&b, 1, "Roca suelta en galería 4", PENDIENTE),
    )
    .await;
    FilesFixture::new(sitio).send(&autor, &foto).await.unwrap();
    llega(
        "reporte.completo",
        data(&b, 2, "Roca suelta en galería 4", PENDIENTE),
    )
    .await;
    // Silent at once, so that the clock is still the machine's and the signature fresh.
    let plazos = EscalationDelays {
        sin_abrir: None,
        sin_archivos: Instante::DAY,
        silencio: 0,
        silencio_con_deuda: 0,
    };
    sitio
        .store
        .escalate(plazos, today(sitio), sitio.app.delivery_worker().channels())
        .await
        .unwrap();
    let telefonos = sitio
        .request("GET", "/admin/dispositivos")
        .by(&admin)
        .send()
        .await
        .expect_status(200, "")
        .json;
    let last_sync = &telefonos["items"][0]["last_sync"];
    assert!(last_sync.is_string(), "{telefonos}");
    llega(
        "dispositivo.silencioso",
        json!({"device_id": "moto-7", "last_sync": last_sync, "pendientes": 4}),
    )
    .await;

    let (tipos, ids): (HashSet<String>, HashSet<String>) = vistos.into_iter().unzip();
    assert_eq!(tipos, HashSet::from(EVENTS.map(str::to_owned)));
    assert_eq!(ids.len(), 8);
}
