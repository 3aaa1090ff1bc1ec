//! Webhooks: signed, in order, again and again until they are taken or given up, and never to the inside.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use sigra_domain::{
    Instante,
    retry::{MAX_ATTEMPTS, backoff},
};
use sigra_store::notifications::EscalationDelays;
use standardwebhooks::Webhook;

use super::{advance_clock, create_reporte, deliver_due, deliveries, sign_in_again};
use crate::escalation::today;
use sigra_testkit::{
    Persona, SiteOptions, TestSite, both_databases,
    files::{FilesFixture, Photo, reporte_with},
    openapi,
    receiver::{HttpReceiver, ReceivedRequest},
    reporte_in,
};

/// All that other systems can be told of.
pub const EVENTS: [&str; 6] = [
    "reporte.creado",
    "reporte.cambiado",
    "reporte.decidido",
    "reporte.completo",
    "conflicto.creado",
    "dispositivo.silencioso",
];

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
        let aprueba = sitio
            .request("POST", &format!("/admin/reportes/{r}/aprobar"))
            .by(&admin);
        aprueba.json(&json!({})).send().await.expect_status(200, "");
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
