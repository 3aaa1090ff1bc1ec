//! HTTP as no client library would write it: heads, paths, methods, lengths.

mod framing;
mod headers;
mod request_line;

use sigra_testkit::{
    TestSite,
    raw_http::{RawResponse, send_raw},
};

async fn request(sitio: &TestSite, linea: &str, headers: &str) -> RawResponse {
    let todo = format!("{linea} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    send_raw(&sitio.url, todo.as_bytes()).await
}

/// Answered with a problem of this kind.
fn assert_problem(v: &RawResponse, status: u16, codigo: &str, que: &str) {
    let que: String = que.chars().take(120).collect();
    assert_eq!((v.status, &*v.code()), (status, codigo), "{que:?}: {v:?}");
    assert!(
        v.cabeza.contains("content-type: application/problem+json"),
        "{que}"
    );
}

/// What the HTTP library itself refuses has no body, but a 4xx or a closed connection.
fn assert_refused(v: &RawResponse, que: &str) {
    let que: String = que.chars().take(120).collect();
    assert!(matches!(v.status, 0 | 400..=499), "{que:?}: {v:?}");
}

async fn assert_alive(sitio: &TestSite) {
    assert_eq!(sitio.request("GET", "/readyz").send().await.status, 200);
}
