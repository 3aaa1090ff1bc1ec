//! Signed by a secret that can be changed, and in the order of each report.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use serde_json::json;
use sigra_domain::Instante;
use standardwebhooks::Webhook;

use super::verify_signature;
use crate::delivery::{advance_clock, create_reporte, deliver_due, sign_in_again};
use sigra_testkit::{
    SiteOptions, TestSite, both_databases,
    receiver::{HttpReceiver, ReceivedRequest},
};

/// Whether the specification's own crate signs it alike. The test's clock runs ahead of the machine's, so the
/// crate's look at the time can't be used for all.
fn is_signed_with(r: &ReceivedRequest, secreto: &str) -> bool {
    let wh = Webhook::new(secreto).unwrap();
    let segundos = r.header("webhook-timestamp").parse().unwrap();
    let firma = wh
        .sign(r.header("webhook-id"), segundos, &r.cuerpo)
        .unwrap();
    r.header("webhook-signature").split(' ').any(|f| f == firma)
}

#[both_databases(SiteOptions { hacia_aqui: true, ..SiteOptions::default() })]
async fn webhooks_come_signed_and_in_order(sitio: &TestSite) {
    let falla = Arc::new(Mutex::new(HashSet::<i64>::new()));
    let negados = Arc::clone(&falla);
    let receptor = HttpReceiver::open(move |r| {
        if negados.lock().unwrap().contains(&r.reporte_version().0) {
            500
        } else {
            204
        }
    })
    .await;
    let (admin, autor) = (sitio.administrador().await, sitio.trabajador().await);
    let (id, secreto) = sitio
        .create_webhook(
            &admin,
            &receptor.url,
            &["reporte.creado", "reporte.decidido"],
        )
        .await;
    let a = create_reporte(sitio, &autor, 3, "Roca").await;
    let b = create_reporte(sitio, &autor, 1, "Baranda").await;
    falla.lock().unwrap().insert(a);
    for r in [a, b] {
        sitio.approve_reporte(&admin, r).await;
    }
    deliver_due(sitio).await;
    // What was edited is none of its events; the second of `a` waits for its first.
    let vistos: Vec<_> = receptor
        .all()
        .iter()
        .map(ReceivedRequest::reporte_version)
        .collect();
    let de = |reporte| {
        vistos
            .iter()
            .filter(|(r, _)| *r == reporte)
            .map(|(_, v)| *v)
            .collect::<Vec<_>>()
    };
    assert_eq!((de(a), de(b)), (vec![1], vec![1, 2]));
    let r = &receptor.all()[2];
    let cuerpo = r.json();
    assert_eq!(
        (&cuerpo["type"], &cuerpo["data"]["estado"]["nombre"]),
        (&json!("reporte.decidido"), &json!("Aprobado"))
    );
    assert!(Instante::parse(cuerpo["timestamp"].as_str().unwrap()).is_some());
    assert!(
        !String::from_utf8_lossy(&r.cuerpo).contains(&autor.rut.to_string()),
        "dice quién"
    );
    assert!(verify_signature(r, &r.cuerpo, &secreto));
    assert!(!verify_signature(
        r,
        &[&r.cuerpo[..], b" "].concat(),
        &secreto
    ));
    let segundos: i64 = r.header("webhook-timestamp").parse().unwrap();
    assert!((sitio.store.env().now().0 / 1_000 - segundos).abs() < 60);

    // A new secret; for a day both sign.
    let nuevo = sitio
        .request("POST", &format!("/admin/webhooks/{id}/secreto"))
        .by(&admin)
        .send()
        .await
        .expect_status(200, "");
    let nuevo = nuevo.json["secreto"].as_str().unwrap().to_owned();
    assert_ne!(nuevo, secreto);
    falla.lock().unwrap().clear();
    advance_clock(sitio, 13_000);
    deliver_due(sitio).await;
    let todos = receptor.all();
    assert_eq!(
        todos[3..]
            .iter()
            .map(ReceivedRequest::reporte_version)
            .collect::<Vec<_>>(),
        [(a, 1), (a, 2)]
    );
    // The same id as when it failed.
    let antes = todos[..3]
        .iter()
        .find(|r| r.reporte_version() == (a, 1))
        .unwrap();
    assert_eq!(todos[3].header("webhook-id"), antes.header("webhook-id"));
    assert!(is_signed_with(&todos[3], &secreto) && is_signed_with(&todos[3], &nuevo));
    advance_clock(sitio, 25 * Instante::HOUR);
    let (admin, autor) = (
        sign_in_again(sitio, &admin).await,
        sign_in_again(sitio, &autor).await,
    );
    create_reporte(sitio, &autor, 1, "Otra").await;
    deliver_due(sitio).await;
    let ultimo = receptor.all().pop().unwrap();
    assert!(!is_signed_with(&ultimo, &secreto) && is_signed_with(&ultimo, &nuevo));

    // The secret is shown nowhere else, not even in the bitácora of settings.
    let lista = sitio
        .request("GET", "/admin/webhooks")
        .by(&admin)
        .send()
        .await
        .expect_status(200, "");
    let ajustes = sitio
        .request(
            "GET",
            &format!("/admin/bitacora/ajustes?objeto=webhook:{id}"),
        )
        .by(&admin)
        .send()
        .await;
    let acciones: Vec<_> = ajustes.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["accion"].clone())
        .collect();
    assert_eq!(acciones, ["cambiar_secreto", "crear"]);
    for texto in [&lista.texto, &ajustes.texto] {
        assert!(
            !texto.contains("whsec") && !texto.contains(&nuevo[6..]),
            "{texto}"
        );
    }
    assert!(lista.json["items"][0].get("secreto").is_none());

    // One that is not active, or is gone, gets nothing, and is owed nothing.
    let edita = sitio
        .request("PATCH", &format!("/admin/webhooks/{id}"))
        .by(&admin)
        .json(&json!({"activo": false}));
    assert_eq!(
        edita.send().await.expect_status(200, "").json["activo"],
        false
    );
    create_reporte(sitio, &autor, 1, "Nadie la espera").await;
    deliver_due(sitio).await;
    assert_eq!(receptor.all().len(), 6);
    let quita = async || {
        sitio
            .request("DELETE", &format!("/admin/webhooks/{id}"))
            .by(&admin)
            .send()
            .await
    };
    quita().await.expect_status(204, "");
    quita().await.expect_status(404, "no_encontrado");
}
