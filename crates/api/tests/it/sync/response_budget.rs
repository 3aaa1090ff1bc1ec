//! Whoever sends slowly, or never ends, keeps nobody else out.

use std::time::Duration;

use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

use sigra_testkit::{Persona, TestSite, both_databases, raw_http::connect, reporte_in};

const MAX_BODY: usize = 8 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_mins(1);

/// A batch of which all but the last byte has been sent.
async fn half_sent_batch(sitio: &TestSite, quien: &Persona) -> TcpStream {
    let mut c = connect(&sitio.url).await;
    let cabeceras = format!(
        "POST /sync/batch HTTP/1.1\r\nHost: sigra\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {MAX_BODY}\r\n\r\n",
        quien.token
    );
    c.write_all(cabeceras.as_bytes()).await.unwrap();
    c.write_all(&vec![b' '; MAX_BODY - 1]).await.unwrap();
    c
}

/// Waits until the server holds that much.
async fn wait_until_held(sitio: &TestSite, kib: usize) {
    let llega = async {
        while sitio.app.sync_memory_kib() != kib {
            tokio::task::yield_now().await;
        }
    };
    let r = timeout(TIMEOUT, llega).await;
    assert!(r.is_ok(), "{} KiB", sitio.app.sync_memory_kib());
}

#[both_databases]
async fn a_batch_left_unfinished_does_not_hold_up_the_others(sitio: &TestSite) {
    let (lento, otra) = (sitio.trabajador().await, sitio.trabajador().await);
    let abiertas = [
        half_sent_batch(sitio, &lento).await,
        half_sent_batch(sitio, &lento).await,
    ];
    wait_until_held(sitio, 2 * (8 * 1024 + 256)).await;
    // Their own part is full: come back later.
    let r = sitio
        .send_batch(&lento, &[reporte_in(1)])
        .await
        .expect_status(503, "servidor_ocupado");
    assert!(!r.header("retry-after").is_empty());
    // Everybody else goes on.
    assert_eq!(
        sitio.push_batch(&otra, &[reporte_in(1)]).await["resumen"]["creado"],
        1
    );
    // What a broken link leaves is given back.
    drop(abiertas);
    wait_until_held(sitio, 0).await;
    assert_eq!(
        sitio.push_batch(&lento, &[reporte_in(1)]).await["resumen"]["creado"],
        1
    );
}
