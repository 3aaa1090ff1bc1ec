//! A server is killed in the middle of a batch of 500: all of it is there or nothing, as the answer
//! said, and sent again it is there once.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::arnes::{Bd, Motor, Nodos, Persona, Sitio, cuenta, dado, reporte_en};

const LOTE: usize = 500;
const PLAZO: Duration = Duration::from_mins(1);

async fn envia(nodos: &Nodos, nodo: usize, autor: &Persona, lote: &[Value]) -> Option<Value> {
    let timestamp = sigra_store::Entorno::default().ahora().to_string();
    let cuerpo = json!({"device_id": "moto-1", "timestamp": timestamp, "reportes": lote});
    let pedido = nodos
        .red
        .pide(nodo, autor, "POST", "/sync/batch")
        .json(&cuerpo);
    let r = pedido.intenta().await.ok()?;
    assert_eq!(r.status, 200, "{}", r.texto);
    Some(r.json)
}

/// How many rows of this batch there are.
async fn filas(bd: &Bd, lote: &[Value]) -> i64 {
    let uuids: Vec<String> = lote
        .iter()
        .map(|r| r["uuid_cliente"].to_string().replace('"', "'"))
        .collect();
    let uuids = uuids.join(",");
    bd.entero(&format!(
        "SELECT count(*) FROM reportes WHERE uuid_cliente IN ({uuids})"
    ))
    .await
}

/// Waits until what the dead server began has ended one way or the other.
async fn calma(bd: &Bd) {
    if bd.motor == Motor::Postgres {
        let otros = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND pid <> pg_backend_pid() AND application_name = 'sigra' AND state <> 'idle'";
        let espera = async { while bd.entero(otros).await > 0 {} };
        timeout(PLAZO, espera).await.expect("termina");
    }
}

async fn corre(motor: Motor, procesos: usize) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let sitio = Sitio::nuevo(bd).await;
    let autor = sitio.trabajador().await;
    let mut nodos = Nodos::nuevos(sitio.cierra().await, procesos).await;
    let lote = || -> Vec<Value> { (0..LOTE).map(|_| reporte_en(1)).collect() };
    let inicio = Instant::now();
    envia(&nodos, 0, &autor, &lote()).await.expect("con vida");
    let tarda = u64::try_from(inicio.elapsed().as_micros()).expect("cabe");
    let (mut con_respuesta, mut todos, mut nada) = (0, 0, 0);
    for _ in 0..cuenta(50) {
        let lote = lote();
        let nodo = dado(procesos);
        // Somewhere between its first byte and a little after its answer.
        let cuando = Duration::from_micros(tarda * u64::try_from(dado(120)).expect("cabe") / 100);
        let enviado = {
            let envia = envia(&nodos, nodo, &autor, &lote);
            tokio::pin!(envia);
            match timeout(cuando, &mut envia).await {
                Ok(r) => Ok(r),
                // It goes on while the server dies.
                Err(_) => Err(tokio::join!(envia, mata(&nodos, nodo)).0),
            }
        };
        let r = match enviado {
            Ok(r) => {
                mata(&nodos, nodo).await;
                r
            }
            Err(r) => r,
        };
        nodos.mata(nodo).await;
        calma(&nodos.bd).await;
        let n = filas(&nodos.bd, &lote).await;
        con_respuesta += i32::from(r.is_some());
        match n {
            0 => nada += 1,
            500 => todos += 1,
            _ => panic!("{n} de 500"),
        }
        if let Some(r) = r {
            assert_eq!((n, &r["resumen"]), (500, &json!({"creado": 500})));
        }
        nodos.arranca(nodo).await;
        let r = envia(&nodos, nodo, &autor, &lote).await.expect("con vida");
        let esperado = if n == 0 { "creado" } else { "duplicado" };
        assert_eq!(r["resumen"], json!({esperado: 500}));
        assert_eq!(filas(&nodos.bd, &lote).await, 500);
    }
    println!(
        "{motor:?} con {procesos}: {con_respuesta} con respuesta, {todos} enteros, {nada} sin nada"
    );
    let bd = nodos.cierra().await;
    Sitio::nuevo(bd).await.en_orden_y_fuera().await;
}

/// `kill -9`; the process is reaped later.
async fn mata(nodos: &Nodos, nodo: usize) {
    let pid = nodos.pid(nodo).to_string();
    let kill = tokio::process::Command::new("kill")
        .args(["-KILL", &pid])
        .status();
    assert!(kill.await.expect("kill").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn un_lote_esta_entero_o_no_esta_sqlite() {
    corre(Motor::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn un_lote_esta_entero_o_no_esta_postgres() {
    corre(Motor::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn un_lote_esta_entero_o_no_esta_en_tres_servidores() {
    corre(Motor::Postgres, 3).await;
}
