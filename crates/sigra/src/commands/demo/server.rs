//! The server of the demo: the same one that `sigra serve` runs, in this process.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use reqwest::Url;
use sigra_api::{App, AppOptions, SigningKey};
use sigra_delivery::{DeliveryWorker, email::Mailer};
use sigra_domain::Zona;
use sigra_files::blobs::BlobStore;
use sigra_files::{FileService, Limits};
use sigra_store::{Env, Store};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{dir::RunDir, error::DemoError, mails::MAIL_DIR, screen::print_notice};
use crate::workers::run_maintenance;

/// How long requests under way may take when the demo is stopped.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct DemoServer {
    /// Where it answers, with a slash at the end.
    pub(super) base: Url,
    pub(super) direccion: SocketAddr,
    pub(super) store: Store,
    pub(super) cartero: DeliveryWorker,
    alto: oneshot::Sender<()>,
    tarea: JoinHandle<std::io::Result<()>>,
}

/// A new database in the directory.
pub(super) async fn create_db(directorio: &RunDir) -> Result<Store, DemoError> {
    let archivo = directorio.ruta.join("sigra.db");
    Ok(Store::open(&format!("sqlite:{}", archivo.display()), 10, Env::default()).await?)
}

/// The port asked for, or a free one when somebody else has it.
pub(super) fn listen(pedida: SocketAddr) -> Result<TcpListener, DemoError> {
    let fallo = |e| DemoError::Escuchar(pedida, e);
    let listener = match TcpListener::bind(pedida) {
        Err(e) if e.kind() == ErrorKind::AddrInUse => {
            let libre = TcpListener::bind(SocketAddr::new(pedida.ip(), 0)).map_err(fallo)?;
            let puerto = libre.local_addr().map_err(fallo)?.port();
            print_notice(&format!(
                "El puerto {} está ocupado: se usa el {puerto}.",
                pedida.port()
            ));
            libre
        }
        otro => otro.map_err(fallo)?,
    };
    listener.set_nonblocking(true).map_err(fallo)?;
    Ok(listener)
}

/// Its mails are written to a folder, to be looked at.
async fn delivery_worker(
    store: &Store,
    datos: &Path,
    base: &Url,
) -> Result<DeliveryWorker, DemoError> {
    let interno = |e: String| DemoError::Interno(e);
    let correo = Mailer::folder(&datos.join(MAIL_DIR), "SIGRA <sigra@faena.example>");
    let opciones = sigra_delivery::DeliveryOptions {
        correo: Some(correo.map_err(|e| interno(e.to_string()))?),
        url_publica: Some(base.to_string()),
        ..sigra_delivery::DeliveryOptions::default()
    };
    let cartero = DeliveryWorker::open(store.clone(), opciones).await;
    cartero.map_err(|e| interno(e.to_string()))
}

impl DemoServer {
    pub(super) async fn start(
        store: Store,
        datos: &Path,
        listener: TcpListener,
    ) -> Result<Self, DemoError> {
        let interno = |e: &str| DemoError::Interno(e.to_owned());
        let direccion = listener.local_addr().map_err(|e| interno(&e.to_string()))?;
        let direccion = reachable(direccion);
        let base =
            Url::parse(&format!("http://{direccion}/")).map_err(|e| interno(&e.to_string()))?;
        let zona = Zona::new("America/Santiago").ok_or_else(|| interno("falta la zona horaria"))?;
        let opciones = AppOptions {
            zona,
            // Tokens of another run are worth nothing in this one.
            claves: vec![SigningKey {
                kid: "demo".into(),
                secreto: store.env().random(),
            }],
            proxies: Vec::new(),
            // Plain HTTP: a browser would not send a Secure cookie back.
            cookie_segura: false,
            sync_por_minuto: 0,
            silencio_horas: 72,
        };
        let almacen = BlobStore::open_dir(datos.join("archivos"));
        let almacen = almacen.map_err(|e| interno(&e.to_string()))?;
        let evidencia = FileService::new(store.clone(), almacen, Limits::default());
        let trabajo = tokio::spawn(evidencia.clone().run());
        let cartero = delivery_worker(&store, datos, &base).await?;
        let app = App::new(store.clone(), evidencia, cartero.clone(), opciones);
        let mantencion = tokio::spawn(run_maintenance(store.clone(), cartero.channels()));
        let reparto = tokio::spawn(cartero.clone().run());
        let (alto, avisado) = oneshot::channel::<()>();
        let tarea = tokio::spawn(async move {
            // A sender that is gone means the same as one that spoke.
            let fin = sigra_api::serve(listener, app, async move { drop(avisado.await) }).await;
            trabajo.abort();
            mantencion.abort();
            reparto.abort();
            fin
        });
        Ok(Self {
            base,
            direccion,
            store,
            cartero,
            alto,
            tarea,
        })
    }

    /// Returns only when the server ended without being asked to.
    pub(super) async fn wait_until_down(&mut self) -> DemoError {
        DemoError::Servidor(match (&mut self.tarea).await {
            Ok(Ok(())) => "sin decir por qué".into(),
            Ok(Err(e)) => e.to_string(),
            Err(e) => e.to_string(),
        })
    }

    /// Lets requests under way finish and closes the database.
    pub(super) async fn stop(self) {
        // No receiver: it has ended already.
        let _ = self.alto.send(());
        if !self.tarea.is_finished()
            && tokio::time::timeout(SHUTDOWN_TIMEOUT, self.tarea)
                .await
                .is_err()
        {
            print_notice("El servidor no terminó a tiempo sus peticiones pendientes.");
        }
        self.store.close().await;
    }
}

/// Where a client on this machine finds a server that listens on all addresses.
fn reachable(direccion: SocketAddr) -> SocketAddr {
    let ip = match direccion.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, direccion.port())
}

#[cfg(test)]
mod tests {
    use super::{listen, reachable};

    #[test]
    fn a_taken_port_is_replaced() {
        let primero = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let pedida = primero.local_addr().unwrap();
        let segundo = listen(pedida).unwrap().local_addr().unwrap();
        assert_eq!(segundo.ip(), pedida.ip());
        assert_ne!(segundo.port(), pedida.port());
    }

    #[test]
    fn all_addresses_are_reached_on_this_machine() {
        for (escucha, alcanza) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.7:80", "10.0.0.7:80"),
        ] {
            assert_eq!(reachable(escucha.parse().unwrap()).to_string(), alcanza);
        }
    }
}
