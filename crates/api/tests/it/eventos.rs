//! Notifications live: at once, across nodes, and to whom they belong.

use serde_json::json;
use sigra_store::{Env, Store, notifications::Channels};
use tokio::time::timeout;

use sigra_testkit::{
    DbKind, Persona, TestSite, both_databases,
    event_stream::{EventStream, TIMEOUT},
};

fn build_request(sitio: &TestSite, quien: &Persona, ruta: &str) -> reqwest::RequestBuilder {
    sitio
        .http
        .get(format!("{}{ruta}", sitio.url))
        .bearer_auth(&quien.token)
}

#[both_databases]
async fn events_come_live_and_resume_where_they_were(sitio: &TestSite) {
    let (autor, jefe, otro) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[2]).await,
    );
    let reparte = async || {
        sitio
            .store
            .fan_out_avisos(Channels::default())
            .await
            .unwrap();
    };
    sitio.reporte(&autor, 1).await;
    reparte().await;
    let mut flujo = EventStream::open(build_request(sitio, &jefe, "/eventos"), None)
        .await
        .unwrap();
    let listo = flujo.expect_next().await;
    assert_eq!(
        (listo.nombre.as_str(), &listo.datos),
        ("listo", &json!({"reiniciado": false}))
    );
    let mut ajeno = EventStream::open(build_request(sitio, &otro, "/eventos"), None)
        .await
        .unwrap();
    ajeno.expect_next().await;
    for _ in 0..3 {
        sitio.reporte(&autor, 1).await;
    }
    reparte().await;
    let lista = sitio
        .request("GET", "/notificaciones")
        .by(&jefe)
        .send()
        .await
        .json;
    let mut items = lista["items"].as_array().unwrap().clone();
    items.reverse();
    assert_eq!(items.len(), 4);
    assert_eq!(listo.id, items[0]["id"].as_i64().unwrap());
    for item in &items[1..] {
        let e = flujo.expect_next().await;
        assert_eq!(
            (e.nombre.as_str(), e.id, &e.datos),
            ("notificacion", item["id"].as_i64().unwrap(), item)
        );
    }
    // Back after the second, by the header or the address; in another language.
    let desde = items[1]["id"].as_i64().unwrap();
    let ingles = build_request(sitio, &jefe, &format!("/eventos?desde={desde}"))
        .header("accept-language", "en");
    for (pedido, ultimo) in [
        (ingles, None),
        (build_request(sitio, &jefe, "/eventos"), Some(desde)),
    ] {
        let mut flujo = EventStream::open(pedido, ultimo).await.unwrap();
        assert_eq!(flujo.expect_next().await.id, desde);
        let ids = [flujo.expect_next().await.id, flujo.expect_next().await.id];
        assert_eq!(
            ids,
            [
                items[2]["id"].as_i64().unwrap(),
                items[3]["id"].as_i64().unwrap()
            ]
        );
    }
    // From a server that has forgotten: a backup was put in its place.
    let mut flujo = EventStream::open(build_request(sitio, &jefe, "/eventos"), Some(999_999))
        .await
        .unwrap();
    assert_eq!(flujo.expect_next().await.datos, json!({"reiniciado": true}));
    // Nothing of this was for the other.
    sitio.reporte(&autor, 2).await;
    reparte().await;
    assert_eq!(ajeno.expect_next().await.datos["evento"], "reporte.creado");
    for mala in ["/eventos?desde=ayer", "/eventos?desde=-1"] {
        sitio
            .request("GET", mala)
            .by(&jefe)
            .send()
            .await
            .expect_status(422, "datos_invalidos");
    }
    let r = sitio
        .request("GET", "/eventos")
        .by(&jefe)
        .header("last-event-id", "ayer")
        .send()
        .await;
    r.expect_status(422, "datos_invalidos");
}

#[both_databases]
async fn the_newest_subscriber_always_gets_in(sitio: &TestSite) {
    let jefe = sitio.supervisor(&[1]).await;
    let mut suyos = vec![];
    for _ in 0..11 {
        let mut flujo = EventStream::open(build_request(sitio, &jefe, "/eventos"), None)
            .await
            .unwrap();
        flujo.expect_next().await;
        suyos.push(flujo);
    }
    // The oldest gave way, and it alone.
    assert_eq!(
        timeout(TIMEOUT, suyos[0].next_event())
            .await
            .expect("sigue abierto"),
        None
    );
    sitio.reporte(&sitio.trabajador().await, 1).await;
    sitio
        .store
        .fan_out_avisos(Channels::default())
        .await
        .unwrap();
    for flujo in &mut suyos[1..] {
        assert_eq!(flujo.expect_next().await.nombre, "notificacion");
    }
}

#[both_databases]
async fn after_logout_no_event_is_heard(sitio: &TestSite) {
    let (sale, queda) = (sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await);
    let (echado, admin) = (sitio.supervisor(&[1]).await, sitio.administrador().await);
    let mut flujos = vec![];
    for quien in [&sale, &echado, &queda] {
        let mut flujo = EventStream::open(build_request(sitio, quien, "/eventos"), None)
            .await
            .unwrap();
        flujo.expect_next().await;
        flujos.push(flujo);
    }
    // They are told of it, and hear nothing of it: they went first.
    sitio.reporte(&sitio.trabajador().await, 1).await;
    sitio
        .request("POST", "/auth/logout")
        .by(&sale)
        .send()
        .await
        .expect_status(204, "");
    let echa = sitio
        .request("PATCH", &format!("/usuarios/{}", echado.rut))
        .by(&admin)
        .json(&json!({"activo": false}));
    echa.send().await.expect_status(200, "");
    sitio
        .store
        .fan_out_avisos(Channels::default())
        .await
        .unwrap();
    for flujo in &mut flujos[..2] {
        assert_eq!(
            timeout(TIMEOUT, flujo.next_event())
                .await
                .expect("sigue abierto"),
            None
        );
    }
    assert_eq!(flujos[2].expect_next().await.nombre, "notificacion");
    // With nothing to tell it ends, too.
    let resto = sitio.session(sale.quien.clone()).await;
    let mut flujo = EventStream::open(build_request(sitio, &resto, "/eventos"), None)
        .await
        .unwrap();
    flujo.expect_next().await;
    sitio
        .request("POST", "/auth/logout")
        .by(&resto)
        .send()
        .await
        .expect_status(204, "");
    assert_eq!(
        timeout(TIMEOUT, flujo.next_event())
            .await
            .expect("sigue abierto"),
        None
    );
}

/// Four times a minute, so that nobody takes the silence for the end; and it is none.
#[both_databases]
async fn a_heartbeat_is_sent_while_there_is_nothing(sitio: &TestSite) {
    let jefe = sitio.supervisor(&[1]).await;
    let mut flujo = EventStream::open(build_request(sitio, &jefe, "/eventos"), None)
        .await
        .unwrap();
    assert_eq!(flujo.expect_next().await.nombre, "listo");
    let bloque = timeout(TIMEOUT, flujo.next_block()).await.expect("no late");
    assert_eq!(bloque.as_deref(), Some(": latido\n\n"));
    sitio.reporte(&sitio.trabajador().await, 1).await;
    sitio
        .store
        .fan_out_avisos(Channels::default())
        .await
        .unwrap();
    assert_eq!(flujo.expect_next().await.nombre, "notificacion");
}

/// Who told it fell before it could hint: the look at the table each second finds it.
#[both_databases]
async fn without_a_hint_an_event_comes_all_the_same(sitio: &TestSite) {
    let jefe = sitio.supervisor(&[1]).await;
    let reporte = sitio.reporte(&sitio.trabajador().await, 1).await["id"].clone();
    let mut flujo = EventStream::open(build_request(sitio, &jefe, "/eventos"), None)
        .await
        .unwrap();
    assert_eq!(flujo.expect_next().await.nombre, "listo");
    let datos = json!({"titulo": "Roca", "area": "A", "severidad": "B", "estado": "", "autor": "R",
        "actor": "R", "detalle": null});
    // The first may be found by the look with which a stream begins; the second not.
    for _ in 0..2 {
        let aviso = format!(
            "INSERT INTO notificaciones (rut, evento, reporte_id, version, datos, creada)
             VALUES ({}, 'reporte.creado', {reporte}, 1, '{datos}', 0)",
            jefe.rut
        );
        sitio.bd.sql(&aviso).await.unwrap();
        let evento = timeout(TIMEOUT, flujo.next_event()).await;
        let evento = evento.expect("sin señal no llega").expect("terminó");
        assert_eq!(evento.nombre, "notificacion");
    }
}

#[both_databases]
async fn the_other_nodes_hear_the_wakeup(sitio: &TestSite) {
    // SQLite has one node.
    if sitio.bd.motor == DbKind::Sqlite {
        return;
    }
    let subscriber = Store::open(&sitio.bd.url, 2, Env::default()).await.unwrap();
    let mut novedades = subscriber.wakeups();
    let suyo = subscriber.clone();
    let escucha = tokio::spawn(async move { suyo.listen_for_wakeups().await });
    let mut oye = async || {
        timeout(TIMEOUT, novedades.changed())
            .await
            .expect("nadie avisó")
            .unwrap();
    };
    // Its own: it began to listen.
    oye().await;
    let otro = Store::open(&sitio.bd.url, 2, Env::default()).await.unwrap();
    for _ in 0..3 {
        sitio.reporte(&sitio.trabajador().await, 1).await;
        otro.fan_out_avisos(Channels::default()).await.unwrap();
        oye().await;
    }
    escucha.abort();
    otro.close().await;
    subscriber.close().await;
}
