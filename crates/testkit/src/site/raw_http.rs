//! HTTP as no client library would write it.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// What came back before the server closed; status 0 when there was no answer at all.
#[derive(Debug)]
pub struct RawResponse {
    pub status: u16,
    pub cabeza: String,
    pub cuerpo: String,
}

impl RawResponse {
    pub fn code(&self) -> String {
        let json: Value = serde_json::from_str(&self.cuerpo).unwrap_or_default();
        json["codigo"].as_str().unwrap_or_default().to_owned()
    }
}

/// A connection to the server at this URL.
pub async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(url.strip_prefix("http://").expect("http"))
        .await
        .expect("conexión")
}

/// Reads until the server closes, and says how it answered.
pub async fn read(mut c: TcpStream) -> RawResponse {
    let mut bytes = Vec::new();
    let leido = timeout(Duration::from_mins(1), c.read_to_end(&mut bytes)).await;
    assert!(
        leido.is_ok(),
        "el servidor no cerró: {}",
        String::from_utf8_lossy(&bytes)
    );
    let texto = String::from_utf8_lossy(&bytes).into_owned();
    let (cabeza, cuerpo) = texto.split_once("\r\n\r\n").unwrap_or((&texto, ""));
    let status = cabeza
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    RawResponse {
        status,
        cabeza: cabeza.to_lowercase(),
        cuerpo: cuerpo.to_owned(),
    }
}

async fn send(url: &str, bytes: &[u8], cuelga: bool) -> RawResponse {
    let mut c = connect(url).await;
    // The server may close before all of it is written.
    if c.write_all(bytes).await.is_ok() && cuelga {
        c.shutdown().await.ok();
    }
    read(c).await
}

/// Sends bytes as they are, and reads; more could come.
pub async fn send_raw(url: &str, bytes: &[u8]) -> RawResponse {
    send(url, bytes, false).await
}

/// The same by somebody who hangs up: no more will come.
pub async fn send_and_hang_up(url: &str, bytes: &[u8]) -> RawResponse {
    send(url, bytes, true).await
}
