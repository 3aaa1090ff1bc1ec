//! The listening server: time limits, trailing slashes, a clean stop.

use std::{future::Future, net::SocketAddr, net::TcpListener, time::Duration};

use axum::{ServiceExt, extract::Request};
use axum_server::Handle;
use tower::Layer as _;
use tower_http::normalize_path::NormalizePathLayer;

use crate::{App, router::routes};

/// For the first request and for each request's headers: a connection that says nothing costs
/// nothing for long.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// What is under way may end within this time after the signal to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

/// Wakes those who listen, here and for what other nodes did.
async fn broadcast(app: &App) {
    let store = app.store().clone();
    tokio::join!(
        app.subscribers().clone().broadcast(store.clone()),
        store.listen_for_wakeups()
    );
}

/// Serves until `alto` ends, then lets requests under way end.
pub async fn serve(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let handle = Handle::new();
    let stopper = handle.clone();
    let closing = app.clone();
    tokio::spawn(async move {
        stop.await;
        closing.shut_down();
        stopper.graceful_shutdown(Some(SHUTDOWN_TIMEOUT));
    });
    let (router, _) = routes(&app);
    // Outside the router: the path must be trimmed before a route is looked for.
    let service = NormalizePathLayer::trim_trailing_slash().layer(router);
    let service = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(service);
    let mut server = axum_server::from_tcp(listener)?
        .handle(handle)
        .first_request_timeout(HEADER_TIMEOUT);
    let http = server.http_builder();
    http.http1()
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(64 * 1024);
    http.http2()
        .max_concurrent_streams(100)
        .max_header_list_size(32 * 1024)
        .keep_alive_interval(Some(Duration::from_secs(30)));
    tokio::select! {
        end = server.serve(service) => end,
        () = broadcast(&app) => Err(std::io::Error::other("los avisos en vivo se detuvieron")),
    }
}
