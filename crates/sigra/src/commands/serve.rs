//! `sigra serve`: from the configuration to a server that listens, and back to silence.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use sigra_api::{App, Opciones};
use sigra_store::{Entorno, Store};

use crate::{
    archivos, base,
    config::Config,
    envios,
    error::ErrorComando,
    mantencion::{mantiene, plazos, vigila},
    primer_administrador, registro, secretos,
};

/// How often what nobody needs any more is removed.
const LIMPIEZA: Duration = Duration::from_hours(1);
/// How long the database may take to close: what was acknowledged is durable already.
const CIERRE: Duration = Duration::from_secs(2);

pub(crate) async fn ejecutar(config: Config) -> Result<(), ErrorComando> {
    registro::inicia(&config)?;
    // Before anything else takes place, so that a second server started by mistake touches nothing.
    let listener = escucha(config.listen)?;
    let direccion = listener.local_addr()?;
    let alto = senal()?;
    let store = base::abre(&config).await?;
    let resultado = sirve(&store, &config, listener, direccion, alto).await;
    if tokio::time::timeout(CIERRE, store.cerrar()).await.is_err() {
        tracing::warn!("la base de datos tardó en cerrarse");
    }
    resultado?;
    tracing::info!("detenido");
    Ok(())
}

async fn sirve(
    store: &Store,
    config: &Config,
    listener: TcpListener,
    direccion: SocketAddr,
    alto: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ErrorComando> {
    let archivo = config.secret_file.clone();
    let claves = tokio::task::spawn_blocking(move || secretos::abre(&archivo, &Entorno::default()))
        .await
        .map_err(|e| ErrorComando::al("no se pudo leer secret_file", e))??;
    primer_administrador::crea(store, config, direccion).await?;
    let opciones = Opciones {
        zona: config.zona.clone(),
        claves,
        proxies: config.proxies.clone(),
        cookie_segura: config.cookie_segura,
        sync_por_minuto: config.sync_por_minuto.0.into(),
        silencio_horas: config.silencio_horas.0.into(),
    };
    let evidencia = archivos::abre(config, store.clone())?;
    let cartero = envios::abre(config, store.clone()).await?;
    let app = App::nueva(store.clone(), evidencia.clone(), cartero.clone(), opciones);
    let limpieza = tokio::spawn(limpia(store.clone()));
    let mantencion = tokio::spawn(mantiene(store.clone(), cartero.salidas()));
    let plazos = plazos(
        config.escalar_minutos.0,
        config.archivos_horas.0,
        config.silencio_horas.0,
    );
    let vigilancia = tokio::spawn(vigila(
        store.clone(),
        plazos,
        config.zona.clone(),
        cartero.salidas(),
    ));
    let trabajo = tokio::spawn(evidencia.trabaja());
    let reparto = tokio::spawn(cartero.trabaja());
    tracing::info!(%direccion, motor = store.motor(), version = env!("CARGO_PKG_VERSION"), "escuchando");
    let servido = sigra_api::servir(listener, app, alto).await;
    limpieza.abort();
    mantencion.abort();
    vigilancia.abort();
    trabajo.abort();
    reparto.abort();
    servido.map_err(|e| ErrorComando::al("el servidor se detuvo", e))
}

/// Removes what is over, now and every hour.
async fn limpia(store: Store) {
    let mut reloj = tokio::time::interval(LIMPIEZA);
    loop {
        reloj.tick().await;
        match store.limpiar().await {
            Ok(filas) => tracing::debug!(filas, "limpieza"),
            Err(error) => tracing::warn!(%error, "la limpieza falló; se repite en una hora"),
        }
    }
}

fn escucha(direccion: SocketAddr) -> Result<TcpListener, ErrorComando> {
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
        ErrorComando::al(format!("no se puede escuchar en {direccion}"), que_hacer)
    })
}

/// Resolves when the process is asked to stop. Registered before the server is announced, so that a
/// signal that comes at once is not lost.
#[cfg(unix)]
fn senal() -> Result<impl Future<Output = ()> + Send + 'static, ErrorComando> {
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
fn senal() -> Result<impl Future<Output = ()> + Send + 'static, ErrorComando> {
    Ok(async {
        tokio::signal::ctrl_c().await.ok();
        tracing::info!("deteniendo");
    })
}
