//! `sigra serve`: from the configuration to a server that listens, and back to silence.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
};

use sigra_server::{Server, Services};
use sigra_store::Env;

use crate::{config::Config, db, error::CommandError, first_admin, logging, signing_keys};

pub(crate) async fn run(config: Config) -> Result<(), CommandError> {
    logging::init(&config)?;
    // Before anything else takes place, so that a second server started by mistake touches nothing.
    let listener = listen(config.listen)?;
    let stop = shutdown_signal()?;
    db::create_data_dir(&config)?;
    let file = config.secret_file.clone();
    let keys = tokio::task::spawn_blocking(move || signing_keys::open(&file, &Env::default()))
        .await
        .map_err(|e| CommandError::failed("no se pudo leer secret_file", e))??;
    let services = Services::open(config.server_settings(keys)).await?;
    let served = run_server(&services, &config, listener, stop).await;
    services.close().await;
    served?;
    tracing::info!("detenido");
    Ok(())
}

async fn run_server(
    services: &Services,
    config: &Config,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), CommandError> {
    first_admin::create(services.store(), config, listener.local_addr()?).await?;
    Server::new(services.clone())
        .run(listener, stop)
        .await
        .map_err(|e| CommandError::failed("el servidor se detuvo", e))
}

fn listen(address: SocketAddr) -> Result<TcpListener, CommandError> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().map_err(|e: std::io::Error| {
        let advice = match e.kind() {
            ErrorKind::AddrInUse => {
                "otro programa ya usa ese puerto; deténgalo o cambie listen (SIGRA_LISTEN)".to_owned()
            }
            ErrorKind::AddrNotAvailable => {
                "esa dirección no es de este equipo; cambie listen (SIGRA_LISTEN)".to_owned()
            }
            ErrorKind::PermissionDenied => {
                "el sistema no permite usar ese puerto; cambie listen (SIGRA_LISTEN) a uno desde 1024"
                    .to_owned()
            }
            _ => format!("revise listen (SIGRA_LISTEN): {e}"),
        };
        CommandError::failed(format!("no se puede escuchar en {address}"), advice)
    })
}

/// Resolves when the process is asked to stop. Registered before the server is announced, so that a
/// signal that comes at once is not lost.
#[cfg(unix)]
fn shutdown_signal() -> Result<impl Future<Output = ()> + Send + 'static, CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("deteniendo");
    })
}

#[cfg(not(unix))]
fn shutdown_signal() -> Result<impl Future<Output = ()> + Send + 'static, CommandError> {
    Ok(async {
        tokio::signal::ctrl_c().await.ok();
        tracing::info!("deteniendo");
    })
}
