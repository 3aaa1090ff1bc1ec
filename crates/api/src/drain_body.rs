//! What a refused request still has to send.
//!
//! A connection that is closed on bytes nobody read is reset, and the answer on it is lost: a phone
//! whose token expired under a large batch would see a broken link and send the same again for ever.
//! So the answer goes out at once and the rest of the body is read away behind it, within limits.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use axum::{
    body::{Body, HttpBody as _},
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use http_body_util::StreamBody;

/// Twice the largest body that any operation takes.
const MAX_DRAIN: usize = 16 * 1024 * 1024;
/// As long as a body may take that is wanted.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Lends the body to what lies inside and reads away what comes back unread.
pub async fn drain_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let body = Arc::new(Mutex::new(body));
    let borrowed = Arc::clone(&body);
    let trozos = futures_util::stream::poll_fn(move |cx| match borrowed.lock() {
        Ok(mut body) => Pin::new(&mut *body).poll_frame(cx),
        Err(_) => Poll::Ready(None),
    });
    let borrowed = Body::new(StreamBody::new(trozos));
    let response = next.run(Request::from_parts(parts, borrowed)).await;
    // Who was too slow once is not waited for a second time.
    if response.status() != StatusCode::REQUEST_TIMEOUT
        && let Some(Ok(body)) = Arc::into_inner(body).map(Mutex::into_inner)
        && !body.is_end_stream()
    {
        tokio::spawn(tokio::time::timeout(DRAIN_TIMEOUT, read_and_discard(body)));
    }
    response
}

async fn read_and_discard(mut body: Body) {
    let mut leido = 0;
    while leido < MAX_DRAIN
        && let Some(Ok(chunk)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
    {
        leido += chunk.data_ref().map_or(0, bytes::Bytes::len);
    }
}
