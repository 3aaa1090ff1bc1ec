//! Receivers that do not answer: later again, and given up in the end.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use sigra_domain::{
    Instante,
    retry::{MAX_ATTEMPTS, backoff},
};

use crate::delivery::{advance_clock, create_reporte, deliver_due, deliveries, sign_in_again};
use sigra_testkit::{SiteOptions, TestSite, both_databases, receiver::HttpReceiver};

#[both_databases(SiteOptions { hacia_aqui: true, ..SiteOptions::default() })]
async fn a_receiver_that_does_not_answer_opens_its_circuit(sitio: &TestSite) {
    let sirve = Arc::new(AtomicBool::new(false));
    let anda = Arc::clone(&sirve);
    let malo = HttpReceiver::open(move |_| if anda.load(Relaxed) { 200 } else { 503 }).await;
    let bueno = HttpReceiver::open(|_| 200).await;
    let (admin, autor) = (sitio.administrador().await, sitio.trabajador().await);
    let (id, _) = sitio
        .create_webhook(&admin, &malo.url, &["reporte.creado"])
        .await;
    sitio
        .create_webhook(&admin, &bueno.url, &["reporte.creado"])
        .await;
    for n in 0..30 {
        create_reporte(sitio, &autor, 1, &format!("Roca {n}")).await;
    }
    deliver_due(sitio).await;
    // The other does not suffer; this one is soon left alone.
    assert_eq!(bueno.all().len(), 30);
    let tocado = malo.all().len();
    assert!((5..=8).contains(&tocado), "{tocado}");
    let estado = async || {
        let admin = sign_in_again(sitio, &admin).await;
        let r = sitio
            .request("GET", "/admin/webhooks")
            .by(&admin)
            .send()
            .await
            .expect_status(200, "");
        r.json["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|w| w["id"] == id)
            .unwrap()
            .clone()
    };
    let w = estado().await;
    assert!(
        w["fallos"].as_i64().unwrap() >= 5 && w["en_pausa_hasta"].is_string(),
        "{w}"
    );
    // After the pause one is tried, and no more.
    for n in 1..=3 {
        advance_clock(sitio, 16 * Instante::MINUTE);
        deliver_due(sitio).await;
        assert_eq!(malo.all().len(), tocado + n);
    }
    // It is back: all arrive, and it is a destination like any other.
    sirve.store(true, Relaxed);
    advance_clock(sitio, 16 * Instante::MINUTE);
    deliver_due(sitio).await;
    advance_clock(sitio, 60 * Instante::MINUTE);
    deliver_due(sitio).await;
    let ids: HashSet<_> = malo.all()[tocado + 3..]
        .iter()
        .map(|r| r.reporte_version().0)
        .collect();
    assert_eq!(ids.len(), 30);
    let w = estado().await;
    assert_eq!(
        (&w["fallos"], &w["en_pausa_hasta"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(
        deliveries(sitio, &admin, "pendiente").await,
        Vec::<Value>::new()
    );
}

#[both_databases(SiteOptions { hacia_aqui: true, ..SiteOptions::default() })]
async fn after_the_last_attempt_it_is_a_dead_letter(sitio: &TestSite) {
    let sirve = Arc::new(AtomicBool::new(false));
    let anda = Arc::clone(&sirve);
    let receptor = HttpReceiver::open(move |_| if anda.load(Relaxed) { 200 } else { 500 }).await;
    let (admin, autor) = (sitio.administrador().await, sitio.trabajador().await);
    sitio
        .create_webhook(&admin, &receptor.url, &["reporte.creado"])
        .await;
    create_reporte(sitio, &autor, 1, "Roca").await;
    for n in 1..=MAX_ATTEMPTS {
        deliver_due(sitio).await;
        assert_eq!(receptor.all().len(), usize::try_from(n).unwrap());
        // Not before its time.
        deliver_due(sitio).await;
        assert_eq!(receptor.all().len(), usize::try_from(n).unwrap());
        advance_clock(sitio, backoff(n, 500).unwrap_or(0).max(Instante::HOUR));
    }
    deliver_due(sitio).await;
    let muertas = deliveries(sitio, &admin, "muerta").await;
    assert_eq!((muertas.len(), receptor.all().len()), (1, 10));
    assert_eq!(
        (&muertas[0]["intentos"], &muertas[0]["canal"]),
        (&json!(10), &json!("webhook"))
    );
    assert!(
        muertas[0]["error"].as_str().unwrap().contains("HTTP 500"),
        "{muertas:?}"
    );
    sirve.store(true, Relaxed);
    let (admin, autor) = (
        sign_in_again(sitio, &admin).await,
        sign_in_again(sitio, &autor).await,
    );
    let r = sitio
        .request(
            "POST",
            &format!("/admin/entregas/{}/reenviar", muertas[0]["id"]),
        )
        .by(&admin);
    r.send().await.expect_status(204, "");
    advance_clock(sitio, Instante::HOUR);
    deliver_due(sitio).await;
    let todos = receptor.all();
    assert_eq!(
        (todos.len(), todos[10].header("webhook-id")),
        (11, todos[0].header("webhook-id"))
    );
    assert_eq!(deliveries(sitio, &admin, "entregada").await.len(), 1);
    // Not even tried in three days: given up all the same.
    let autor = sign_in_again(sitio, &autor).await;
    create_reporte(sitio, &autor, 1, "Otra").await;
    sitio
        .store
        .fan_out_avisos(sitio.app.delivery_worker().channels())
        .await
        .unwrap();
    advance_clock(sitio, 73 * Instante::HOUR);
    sitio.store.purge().await.unwrap();
    assert_eq!(deliveries(sitio, &admin, "muerta").await.len(), 1);
}
