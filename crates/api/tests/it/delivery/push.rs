//! Web Push: who gets it, that the browser alone can read it, and when it is forgotten.

mod browser;

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering::Relaxed},
};

use serde_json::{Value, json};

use super::{create_reporte, deliver_due};
use sigra_testkit::{
    ApiResponse, Persona, SiteOptions, TestSite, both_databases, receiver::HttpReceiver,
};

/// The keys of RFC 8291's example.
const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

async fn subscribe(sitio: &TestSite, quien: &Persona, endpoint: &str, auth: &str) -> ApiResponse {
    let cuerpo = json!({"endpoint": endpoint, "keys": {"p256dh": P256DH, "auth": auth}});
    sitio
        .request("POST", "/notificaciones/push")
        .by(quien)
        .json(&cuerpo)
        .send()
        .await
}

#[both_databases(SiteOptions { hacia_aqui: true, ..SiteOptions::default() })]
async fn a_browser_receives_pushes_until_it_is_gone(sitio: &TestSite) {
    let status = Arc::new(AtomicU16::new(201));
    let dice = Arc::clone(&status);
    let servicio = HttpReceiver::open(move |_| dice.load(Relaxed)).await;
    let (autor, jefe, otro) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[2]).await,
    );
    let clave = sitio
        .request("GET", "/notificaciones/push")
        .by(&jefe)
        .send()
        .await
        .expect_status(200, "")
        .json;
    assert_eq!(clave["clave"].as_str().unwrap().len(), 87);
    let uno = format!("{}/uno", servicio.url);
    let id = subscribe(sitio, &jefe, &uno, AUTH)
        .await
        .expect_status(201, "")
        .json["id"]
        .clone();
    assert_eq!(
        subscribe(sitio, &jefe, &uno, AUTH)
            .await
            .expect_status(201, "")
            .json["id"],
        id
    );
    create_reporte(sitio, &autor, 3, "Roca suelta").await;
    deliver_due(sitio).await;
    let llego = servicio.all();
    assert_eq!(llego.len(), 1);
    assert_eq!(
        (llego[0].ruta.as_str(), llego[0].header("content-encoding")),
        ("/uno", "aes128gcm")
    );
    assert_eq!(
        (llego[0].header("urgency"), llego[0].header("ttl")),
        ("high", "86400")
    );
    assert!(
        llego[0]
            .header("authorization")
            .ends_with(&format!(", k={}", clave["clave"].as_str().unwrap()))
    );
    let dentro = |aguja: &[u8]| llego[0].cuerpo.windows(aguja.len()).any(|v| v == aguja);
    assert!(!dentro(b"Roca"), "se lee en el camino");

    // Who has not the browser's keys can't take it; who has them, and signs in on it, does.
    subscribe(sitio, &otro, &uno, "AAAAAAAAAAAAAAAAAAAAAA")
        .await
        .expect_status(409, "suscripcion_ajena");
    // What waited for the one before does not reach the next.
    create_reporte(sitio, &autor, 3, "Otra").await;
    sitio
        .store
        .fan_out_avisos(sitio.app.delivery_worker().channels())
        .await
        .unwrap();
    assert_ne!(
        subscribe(sitio, &otro, &uno, AUTH)
            .await
            .expect_status(201, "")
            .json["id"],
        id
    );
    deliver_due(sitio).await;
    assert_eq!(servicio.all().len(), 1);
    subscribe(sitio, &jefe, &uno, AUTH)
        .await
        .expect_status(201, "");

    // It is gone: forgotten, and what was for it given up.
    status.store(410, Relaxed);
    create_reporte(sitio, &autor, 1, "Y otra").await;
    deliver_due(sitio).await;
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM suscripciones_push")
            .await,
        0
    );
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM entregas WHERE estado = 'muerta'")
            .await,
        2
    );

    // Ten are remembered.
    let mut ids: Vec<Value> = vec![];
    for n in 0..11 {
        let r = subscribe(sitio, &jefe, &format!("{}/{n}", servicio.url), AUTH)
            .await
            .expect_status(201, "");
        ids.push(r.json["id"].clone());
    }
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM suscripciones_push")
            .await,
        10
    );
    let quita = async |quien: &Persona, id: &Value| {
        sitio
            .request("DELETE", &format!("/notificaciones/push/{id}"))
            .by(quien)
            .send()
            .await
    };
    quita(&jefe, &ids[0])
        .await
        .expect_status(404, "no_encontrado");
    quita(&otro, &ids[5])
        .await
        .expect_status(404, "no_encontrado");
    quita(&jefe, &ids[5]).await.expect_status(204, "");
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM suscripciones_push")
            .await,
        9
    );
}

mod hacia_adentro {
    use super::*;

    #[both_databases]
    async fn an_internal_endpoint_is_not_subscribed(sitio: &TestSite) {
        let jefe = sitio.supervisor(&[1]).await;
        let servicio = HttpReceiver::open(|_| 201).await;
        for endpoint in [
            servicio.url.as_str(),
            "https://127.0.0.1/x",
            "https://10.0.0.1/",
            "https://[::1]/",
            "ftp://a.b",
            "",
        ] {
            subscribe(sitio, &jefe, endpoint, AUTH)
                .await
                .expect_status(422, "datos_invalidos");
        }
        assert_eq!(*servicio.cuantos.borrow(), 0);
    }
}
