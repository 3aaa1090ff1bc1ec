//! Notifications live: none lost when the server falls.

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::watch, time::timeout};

use sigra_testkit::{
    DbKind, NodeClients, Nodes, Persona, TestDb, TestSite, client,
    event_stream::{EventStream, TIMEOUT},
    iterations, random_below, reporte_in,
};

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
