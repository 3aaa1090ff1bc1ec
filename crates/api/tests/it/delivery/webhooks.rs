//! Webhooks: signed, in order, again and again until they are taken or given up, and never to the inside.

mod events;
mod retry;
mod signature;

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use sigra_testkit::{SiteOptions, TestSite, both_databases, receiver::ReceivedRequest};

/// All that other systems can be told of.
pub const EVENTS: [&str; 6] = [
    "reporte.creado",
    "reporte.cambiado",
    "reporte.decidido",
    "reporte.completo",
    "conflicto.creado",
    "dispositivo.silencioso",
];

/// What a receiver does.
fn verify_signature(r: &ReceivedRequest, cuerpo: &[u8], secreto: &str) -> bool {
    let pares = r
        .cabeceras
        .iter()
        .filter(|(n, _)| n.starts_with("webhook-"));
    let pares = pares.map(|(n, v)| {
        (
            n.parse::<reqwest::header::HeaderName>().unwrap(),
            v.parse().unwrap(),
        )
    });
    Webhook::new(secreto)
        .unwrap()
        .verify(cuerpo, &pares.collect())
        .is_ok()
}

#[both_databases(SiteOptions { hacia_aqui: true, ..SiteOptions::default() })]
async fn nothing_is_sent_to_internal_addresses(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    let crea = async |cuerpo: Value| {
        sitio
            .request("POST", "/admin/webhooks")
            .by(&admin)
            .json(&cuerpo)
            .send()
            .await
    };
    for url in [
        "http://10.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[fe80::1]/",
        "https://usuario:clave@ejemplo.cl/",
        "ftp://ejemplo.cl",
        "/ruta",
        "",
    ] {
        let r = crea(json!({"url": url, "eventos": ["reporte.creado"]})).await;
        assert_eq!(
            r.expect_status(422, "datos_invalidos").json["errores"][0]["campo"],
            "url",
            "{url}"
        );
    }
    for eventos in [
        json!([]),
        json!(["otro"]),
        json!(["reporte.creado", "reporte.creado"]),
        json!("reporte.creado"),
    ] {
        let r = crea(json!({"url": "https://ejemplo.cl/", "eventos": eventos})).await;
        r.expect_status(422, "datos_invalidos");
    }
    for n in 0..20 {
        crea(json!({"url": format!("https://ejemplo.cl/{n}"), "eventos": ["reporte.creado"]}))
            .await
            .expect_status(201, "");
    }
    let r = crea(json!({"url": "https://ejemplo.cl/", "eventos": ["reporte.creado"]})).await;
    r.expect_status(409, "demasiados_webhooks");
}
