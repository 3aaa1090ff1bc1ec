//! Notifications live: at once, across nodes, and none lost when the server falls.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use sigra_store::{Env, Store, notifications::Channels};
use tokio::{sync::watch, time::timeout};

use sigra_testkit::{
    DbKind, NodeClients, Nodes, Persona, TestDb, TestSite, both_databases, client,
    event_stream::{EventStream, TIMEOUT},
    iterations, random_below, reporte_in,
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

/// A client that always comes back; `va` is the last it heard of.
async fn listen(red: NodeClients, quien: Persona, va: watch::Sender<i64>) -> (Vec<i64>, usize) {
    let http = client::http();
    let (mut ultimo, mut vistos, mut vueltas) = (None, vec![], 0);
    // Until nobody wants to know.
    while !va.is_closed() {
        let url = format!(
            "http://{}/eventos",
            red.address(random_below(red.node_count()))
        );
        let pedido = http.get(url).bearer_auth(red.token(&quien));
        let Ok(mut flujo) = EventStream::open(pedido, ultimo).await else {
            // There is no server at this moment.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        vueltas += 1;
        loop {
            let evento = tokio::select! {
                e = flujo.next_event() => e,
                () = va.closed() => None,
            };
            let Some(e) = evento else { break };
            ultimo = Some(e.id);
            if e.nombre == "notificacion" {
                vistos.push(e.id);
            }
            va.send_replace(e.id);
        }
    }
    (vistos, vueltas)
}

/// 500 listen while reports come in and servers fall: each hears all that is theirs, once and in order.
async fn nobody_misses_an_event(motor: DbKind, nodos: usize) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let otra = bd.shared();
    let sitio = TestSite::new(bd).await;
    let mut jefes = vec![];
    for _ in 0..50 {
        let area = 1 + i64::try_from(random_below(4)).expect("cabe");
        jefes.push(sitio.supervisor(&[area]).await);
    }
    let autor = sitio.trabajador().await;
    let mut nodos = Nodes::new(otra, nodos).await;
    let mut subscribers = vec![];
    for n in 0..500 {
        let quien = &jefes[n % jefes.len()];
        let (dice, va) = watch::channel(-1);
        let tarea = tokio::spawn(listen(nodos.red.clone(), quien.clone(), dice));
        subscribers.push((quien.rut.body(), va, tarea));
    }
    for (_, va, _) in &mut subscribers {
        let entra = timeout(TIMEOUT, va.wait_for(|id| *id >= 0)).await;
        entra.expect("no entra").expect("oyente");
    }
    for i in 0..iterations(20) {
        for _ in 0..25 {
            let area = 1 + i64::try_from(random_below(4)).expect("cabe");
            sitio
                .create(&autor, &reporte_in(area))
                .await
                .expect_status(201, "");
        }
        // The moment is what is tried here.
        tokio::time::sleep(Duration::from_millis(random_below(1_500) as u64)).await;
        let i = i % nodos.red.node_count();
        nodos.kill(i).await;
        nodos.start(i).await;
    }
    // The servers tell by themselves; there is no event of another process to wait for.
    let faltan = "SELECT (SELECT max(posicion) FROM cambios) - (SELECT posicion FROM reparto)
            + (SELECT count(*) FROM cambios WHERE posicion IS NULL)";
    let limite = tokio::time::Instant::now() + TIMEOUT;
    while sitio.bd.query_i64(faltan).await > 0 {
        assert!(tokio::time::Instant::now() < limite, "nadie avisa");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut suyas: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for jefe in &jefes {
        let rut = jefe.rut.body();
        let sql = format!("SELECT CAST(id AS TEXT) FROM notificaciones WHERE rut = {rut}");
        let ids = sitio.bd.texts(&sql).await;
        let mut ids: Vec<i64> = ids.iter().map(|id| id.parse().expect("id")).collect();
        ids.sort_unstable();
        suyas.insert(rut, ids);
    }
    let (mut oidos, mut vueltas) = (0, 0);
    for (rut, mut va, tarea) in subscribers {
        let todas = &suyas[&rut];
        let ultima = todas.last().copied().unwrap_or(0);
        let llega = timeout(TIMEOUT, va.wait_for(|id| *id >= ultima))
            .await
            .is_ok();
        drop(va);
        let (vistos, veces) = tarea.await.expect("oyente");
        assert_eq!(&vistos, todas, "llegó hasta el último: {llega}");
        oidos += vistos.len();
        vueltas += veces;
    }
    println!("{motor:?}: 500 oyentes, {oidos} eventos, {vueltas} conexiones");
    let (bd, _dir) = nodos.kill_into_parts().await;
    drop(bd);
    sitio.assert_consistent_and_finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_misses_an_event_on_sqlite() {
    nobody_misses_an_event(DbKind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_misses_an_event_on_postgres() {
    nobody_misses_an_event(DbKind::Postgres, 2).await;
}
