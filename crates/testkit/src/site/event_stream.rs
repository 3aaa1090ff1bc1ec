//! Server-sent events, as they come.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;
use tokio::time::timeout;

/// No event takes this long.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SseEvent {
    pub nombre: String,
    pub id: i64,
    pub datos: Value,
}

/// A stream as a browser's EventSource reads it.
pub struct EventStream {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    /// Read, and no event yet: a piece may end within a letter.
    resto: Vec<u8>,
}

impl EventStream {
    pub async fn open(
        pedido: reqwest::RequestBuilder,
        ultimo: Option<i64>,
    ) -> reqwest::Result<Self> {
        let pedido = match ultimo {
            Some(id) => pedido.header("last-event-id", id.to_string()),
            None => pedido,
        };
        let r = pedido.send().await?.error_for_status()?;
        assert_eq!(r.headers()["content-type"], "text/event-stream");
        assert_eq!(
            (
                &r.headers()["cache-control"],
                &r.headers()["x-accel-buffering"]
            ),
            (&"no-store".parse().unwrap(), &"no".parse().unwrap())
        );
        assert!(!r.headers().contains_key("content-encoding"));
        Ok(Self {
            bytes: Box::pin(r.bytes_stream()),
            resto: vec![],
        })
    }

    /// The next event or comment, as it was sent; `None` when the stream ended, however it did.
    pub async fn next_block(&mut self) -> Option<String> {
        loop {
            if let Some(fin) = self.resto.windows(2).position(|v| v == b"\n\n") {
                let resto = self.resto.split_off(fin + 2);
                let bloque = std::mem::replace(&mut self.resto, resto);
                return Some(String::from_utf8(bloque).expect("UTF-8"));
            }
            let trozo = self.bytes.next().await?.ok()?;
            self.resto.extend(trozo);
        }
    }

    /// The next event; `None` when the stream ended, however it did.
    pub async fn next_event(&mut self) -> Option<SseEvent> {
        loop {
            let evento = parse_event(&self.next_block().await?);
            if !evento.nombre.is_empty() {
                return Some(evento);
            }
        }
    }

    pub async fn expect_next(&mut self) -> SseEvent {
        timeout(TIMEOUT, self.next_event())
            .await
            .expect("no llegó nada")
            .expect("terminó")
    }
}

fn parse_event(bloque: &str) -> SseEvent {
    let mut e = SseEvent::default();
    for linea in bloque.lines() {
        match linea.split_once(": ") {
            Some(("event", v)) => v.clone_into(&mut e.nombre),
            Some(("id", v)) => e.id = v.parse().expect("id"),
            Some(("data", v)) => e.datos = serde_json::from_str(v).expect("datos"),
            _ => {}
        }
    }
    e
}
