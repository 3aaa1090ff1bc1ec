//! `sigra serve`: from the configuration to a server that listens, and back to silence.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use sigra_api::{App, AppOptions};
use sigra_store::{Env, Store};

use crate::{
    config::Config,
    db, delivery,
    error::CommandError,
    files, first_admin, logging, signing_keys,
    workers::{deadlines, run_escalation, run_maintenance},
};

/// How often what nobody needs any more is removed.
const PURGE_INTERVAL: Duration = Duration::from_hours(1);
/// How long the database may take to close: what was acknowledged is durable already.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) async fn run(config: Config) -> Result<(), CommandError> {
    logging::init(&config)?;
    // Before anything else takes place, so that a second server started by mistake touches nothing.
    let listener = listen(config.listen)?;
    let direccion = listener.local_addr()?;
    let alto = shutdown_signal()?;
    let store = db::open(&config).await?;
    let resultado = run_server(&store, &config, listener, direccion, alto).await;
    if tokio::time::timeout(CLOSE_TIMEOUT, store.close())
        .await
        .is_err()
    {
        tracing::warn!("la base de datos tardó en cerrarse");
    }
    resultado?;
    tracing::info!("detenido");
    Ok(())
}

async fn run_server(
    store: &Store,
    config: &Config,
    listener: TcpListener,
    direccion: SocketAddr,
    alto: impl Future<Output = ()> + Send + 'static,
) -> Result<(), CommandError> {
    let archivo = config.secret_file.clone();
    let claves = tokio::task::spawn_blocking(move || signing_keys::open(&archivo, &Env::default()))
        .await
        .map_err(|e| CommandError::failed("no se pudo leer secret_file", e))??;
    first_admin::create(store, config, direccion).await?;
    let opciones = AppOptions {
        zona: config.zona.clone(),
        claves,
        proxies: config.proxies.clone(),
        cookie_segura: config.cookie_segura,
        sync_por_minuto: config.sync_por_minuto.0.into(),
        silencio_horas: config.silencio_horas.0.into(),
    };
    let evidencia = files::open(config, store.clone())?;
    let cartero = delivery::open(config, store.clone()).await?;
    let app = App::new(store.clone(), evidencia.clone(), cartero.clone(), opciones);
    let limpieza = tokio::spawn(run_purge(store.clone()));
    let mantencion = tokio::spawn(run_maintenance(store.clone(), cartero.channels()));
    let plazos = deadlines(
        config.escalar_minutos.0,
        config.archivos_horas.0,
        config.silencio_horas.0,
    );
    let vigilancia = tokio::spawn(run_escalation(
        store.clone(),
        plazos,
        config.zona.clone(),
        cartero.channels(),
    ));
    let trabajo = tokio::spawn(evidencia.run());
    let reparto = tokio::spawn(cartero.run());
    tracing::info!(%direccion, motor = store.db_kind(), version = env!("CARGO_PKG_VERSION"), "escuchando");
    let servido = sigra_api::serve(listener, app, alto).await;
    limpieza.abort();
    mantencion.abort();
    vigilancia.abort();
    trabajo.abort();
    reparto.abort();
    servido.map_err(|e| CommandError::failed("el servidor se detuvo", e))
}

/// Removes what is over, now and every hour.
async fn run_purge(store: Store) {
    let mut reloj = tokio::time::interval(PURGE_INTERVAL);
    loop {
        reloj.tick().await;
        match store.purge().await {
            Ok(filas) => tracing::debug!(filas, "limpieza"),
            Err(error) => tracing::warn!(%error, "la limpieza falló; se repite en una hora"),
        }
    }
}

fn listen(direccion: SocketAddr) -> Result<TcpListener, CommandError> {
    let abre = || {
        let listener = TcpListener::bind(direccion)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    abre().map_err(|e: std::io::Error| {
        let que_hacer = match e.kind() {
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
        CommandError::failed(format!("no se puede escuchar en {direccion}"), que_hacer)
    })
}

/// Resolves when the process is asked to stop. Registered before the server is announced, so that a
/// signal that comes at once is not lost.
#[cfg(unix)]
fn shutdown_signal() -> Result<impl Future<Output = ()> + Send + 'static, CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut termina = signal(SignalKind::terminate())?;
    let mut interrumpe = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = termina.recv() => {}
            _ = interrumpe.recv() => {}
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
