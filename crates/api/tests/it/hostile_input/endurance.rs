//! The server under people who mean ill: who is slow is cut off.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, sleep, timeout},
};

use sigra_testkit::{
    TestSite, both_databases,
    raw_http::{connect, read},
    reporte_in,
};

/// One byte of a head each second, for ever; how long the server put up with it.
async fn send_slow_head(sitio: &TestSite, antes: &[u8]) -> Duration {
    let mut c = connect(&sitio.url).await;
    c.write_all(antes).await.expect("escribe");
    let inicio = Instant::now();
    let (lector, mut writer) = c.into_split();
    let slow_body = tokio::spawn(async move {
        for b in b"GET /healthz HTTP/1.1\r\nx: "
            .iter()
            .chain(std::iter::repeat(&b'a'))
        {
            sleep(Duration::from_secs(1)).await;
            if writer.write_all(&[*b]).await.is_err() {
                return;
            }
        }
    });
    // Reads what there was to read, and then waits for the end.
    let mut lector = lector;
    let mut todo = Vec::new();
    let fin = tokio::io::AsyncReadExt::read_to_end(&mut lector, &mut todo);
    timeout(Duration::from_secs(90), fin)
        .await
        .expect("cortado")
        .ok();
    slow_body.abort();
    inicio.elapsed()
}

/// A body that never comes, or comes a byte a second.
async fn send_slow_body(sitio: &TestSite, gotea: bool) -> (Duration, String) {
    let mut c = connect(&sitio.url).await;
    let cabeza = "POST /auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
        content-length: 1000\r\n\r\n{";
    c.write_all(cabeza.as_bytes()).await.expect("escribe");
    let inicio = Instant::now();
    if gotea {
        while inicio.elapsed() < Duration::from_secs(25) {
            sleep(Duration::from_secs(1)).await;
            c.write_all(b" ").await.expect("escribe");
        }
    }
    let v = read(c).await;
    assert_eq!(v.status, 408, "{v:?}");
    (inicio.elapsed(), v.cuerpo)
}

/// Refused at once, with a body that never comes: the answer does not wait for it.
async fn time_to_refusal(sitio: &TestSite) -> Duration {
    let mut c = connect(&sitio.url).await;
    let cabeza = "POST /reportes HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{";
    c.write_all(cabeza.as_bytes()).await.expect("escribe");
    let inicio = Instant::now();
    let mut primeros = [0; 12];
    let lee_algo = tokio::io::AsyncReadExt::read_exact(&mut c, &mut primeros);
    timeout(Duration::from_secs(10), lee_algo)
        .await
        .expect("responde")
        .expect("lee");
    assert_eq!(&primeros, b"HTTP/1.1 401");
    read(c).await;
    inicio.elapsed()
}

/// The limits are 15 s for a head and 30 s for a body: only `make soak` waits for them.
#[both_databases]
async fn a_trickling_client_is_cut_off_without_harm_to_others(sitio: &TestSite) {
    if std::env::var_os("SIGRA_SOAK").is_none() {
        return;
    }
    let jefe = sitio.administrador().await;
    let previa = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let lentos = async {
        let (nuevas, usadas, cuerpos, rechazados) = tokio::join!(
            join_all((0..100).map(|_| send_slow_head(sitio, b""))),
            join_all((0..50).map(|_| send_slow_head(sitio, previa))),
            join_all((0..50).map(|i| send_slow_body(sitio, i % 2 == 0))),
            join_all((0..50).map(|_| time_to_refusal(sitio))),
        );
        assert!(
            rechazados.iter().all(|t| t.as_secs() < 55),
            "{rechazados:?}"
        );
        for t in nuevas.iter().chain(&usadas) {
            assert!((10..45).contains(&t.as_secs()), "cabeza: {t:?}");
        }
        for (t, cuerpo) in &cuerpos {
            assert!((25..60).contains(&t.as_secs()), "cuerpo: {t:?}");
            assert!(cuerpo.contains("cuerpo_lento"), "{cuerpo}");
        }
        let max = |v: &[Duration]| v.iter().max().copied();
        println!(
            "cabezas {:?} y {:?}, cuerpos {:?}",
            max(&nuevas),
            max(&usadas),
            cuerpos.iter().map(|c| c.0).max()
        );
    };
    let mut peor = Duration::ZERO;
    let otros = async {
        loop {
            let inicio = Instant::now();
            let r = sitio.create(&jefe, &reporte_in(1)).await;
            assert_eq!((r.status, &r.json["rut"]), (201, &json!(jefe.rut)));
            peor = peor.max(inicio.elapsed());
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! { () = lentos => {}, () = otros => {} }
    println!("lo peor que esperó otro: {peor:?}");
    assert!(peor < Duration::from_secs(5), "{peor:?}");
}
