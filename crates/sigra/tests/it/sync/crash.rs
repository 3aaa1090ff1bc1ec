//! A server is killed in the middle of a batch of 500: all of it is there or nothing, as the answer
//! said, and sent again it is there once.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use sigra_testkit::{
    DbKind, Nodes, Persona, TestDb, TestSite, iterations, random_below, reporte_in,
};

const BATCH_SIZE: usize = 500;
const TIMEOUT: Duration = Duration::from_mins(1);

async fn send(nodos: &Nodes, nodo: usize, autor: &Persona, lote: &[Value]) -> Option<Value> {
    let timestamp = sigra_store::Env::default().now().to_string();
    let cuerpo = json!({"device_id": "moto-1", "timestamp": timestamp, "reportes": lote});
    let pedido = nodos
        .red
        .request(nodo, autor, "POST", "/sync/batch")
        .json(&cuerpo);
    let r = pedido.attempt().await.ok()?;
    assert_eq!(r.status, 200, "{}", r.texto);
    Some(r.json)
}

/// How many rows of this batch there are.
async fn rows(bd: &TestDb, lote: &[Value]) -> i64 {
    let uuids: Vec<String> = lote
        .iter()
        .map(|r| r["uuid_cliente"].to_string().replace('"', "'"))
        .collect();
    let uuids = uuids.join(",");
    bd.query_i64(&format!(
        "SELECT count(*) FROM reportes WHERE uuid_cliente IN ({uuids})"
    ))
    .await
}

/// Waits until what the dead server began has ended one way or the other.
async fn wait_until_idle(bd: &TestDb) {
    if bd.motor == DbKind::Postgres {
        let otros = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND pid <> pg_backend_pid() AND application_name = 'sigra' AND state <> 'idle'";
        let espera = async { while bd.query_i64(otros).await > 0 {} };
        timeout(TIMEOUT, espera).await.expect("termina");
    }
}

async fn run(motor: DbKind, procesos: usize) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let sitio = TestSite::new(bd).await;
    let autor = sitio.trabajador().await;
    let mut nodos = Nodes::new(sitio.close().await, procesos).await;
    let lote = || -> Vec<Value> { (0..BATCH_SIZE).map(|_| reporte_in(1)).collect() };
    let inicio = Instant::now();
    send(&nodos, 0, &autor, &lote()).await.expect("con vida");
    let tarda = u64::try_from(inicio.elapsed().as_micros()).expect("cabe");
    let (mut con_respuesta, mut todos, mut nada) = (0, 0, 0);
    for _ in 0..iterations(50) {
        let lote = lote();
        let nodo = random_below(procesos);
        // Somewhere between its first byte and a little after its answer.
        let cuando =
            Duration::from_micros(tarda * u64::try_from(random_below(120)).expect("cabe") / 100);
        let enviado = {
            let envia = send(&nodos, nodo, &autor, &lote);
            tokio::pin!(envia);
            match timeout(cuando, &mut envia).await {
                Ok(r) => Ok(r),
                // It goes on while the server dies.
                Err(_) => Err(tokio::join!(envia, kill(&nodos, nodo)).0),
            }
        };
        let r = match enviado {
            Ok(r) => {
                kill(&nodos, nodo).await;
                r
            }
            Err(r) => r,
        };
        nodos.kill(nodo).await;
        wait_until_idle(&nodos.bd).await;
        let n = rows(&nodos.bd, &lote).await;
        con_respuesta += i32::from(r.is_some());
        match n {
            0 => nada += 1,
            500 => todos += 1,
            _ => panic!("{n} de 500"),
        }
        if let Some(r) = r {
            assert_eq!((n, &r["resumen"]), (500, &json!({"creado": 500})));
        }
        nodos.start(nodo).await;
        let r = send(&nodos, nodo, &autor, &lote).await.expect("con vida");
        let esperado = if n == 0 { "creado" } else { "duplicado" };
        assert_eq!(r["resumen"], json!({esperado: 500}));
        assert_eq!(rows(&nodos.bd, &lote).await, 500);
    }
    println!(
        "{motor:?} con {procesos}: {con_respuesta} con respuesta, {todos} enteros, {nada} sin nada"
    );
    let bd = nodos.close().await;
    TestSite::new(bd).await.assert_consistent_and_finish().await;
}

/// `kill -9`; the process is reaped later.
async fn kill(nodos: &Nodes, nodo: usize) {
    let pid = nodos.pid(nodo).to_string();
    let kill = tokio::process::Command::new("kill")
        .args(["-KILL", &pid])
        .status();
    assert!(kill.await.expect("kill").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_stored_whole_or_not_at_all_on_sqlite() {
    run(DbKind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_stored_whole_or_not_at_all_on_postgres() {
    run(DbKind::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_stored_whole_or_not_at_all_on_three_servers() {
    run(DbKind::Postgres, 3).await;
}
