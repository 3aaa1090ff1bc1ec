//! The server of the demo: the same one that `sigra serve` runs, in this process.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use reqwest::Url;
use sigra_almacen::Almacen;
use sigra_api::{App, ClaveFirma, Opciones};
use sigra_domain::Zona;
use sigra_envio::{Cartero, correo::Correo};
use sigra_evidencia::{Evidencia, Limites};
use sigra_store::{Entorno, Store};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{correos::CARPETA, directorio::Directorio, error::ErrorDemo, pantalla::aviso};
use crate::mantencion::mantiene;

/// How long requests under way may take when the demo is stopped.
const CIERRE: Duration = Duration::from_secs(10);

pub(super) struct Servidor {
    /// Where it answers, with a slash at the end.
    pub(super) base: Url,
    pub(super) direccion: SocketAddr,
    pub(super) store: Store,
    pub(super) cartero: Cartero,
    alto: oneshot::Sender<()>,
    tarea: JoinHandle<std::io::Result<()>>,
}

/// A new database in the directory.
pub(super) async fn base_nueva(directorio: &Directorio) -> Result<Store, ErrorDemo> {
    let archivo = directorio.ruta.join("sigra.db");
    Ok(Store::abrir(
        &format!("sqlite:{}", archivo.display()),
        10,
        Entorno::default(),
    )
    .await?)
}

/// The port asked for, or a free one when somebody else has it.
pub(super) fn escuchar(pedida: SocketAddr) -> Result<TcpListener, ErrorDemo> {
    let fallo = |e| ErrorDemo::Escuchar(pedida, e);
    let listener = match TcpListener::bind(pedida) {
        Err(e) if e.kind() == ErrorKind::AddrInUse => {
            let libre = TcpListener::bind(SocketAddr::new(pedida.ip(), 0)).map_err(fallo)?;
            let puerto = libre.local_addr().map_err(fallo)?.port();
            aviso(&format!(
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
async fn cartero(store: &Store, datos: &Path, base: &Url) -> Result<Cartero, ErrorDemo> {
    let interno = |e: String| ErrorDemo::Interno(e);
    let correo = Correo::carpeta(&datos.join(CARPETA), "SIGRA <sigra@faena.example>");
    let opciones = sigra_envio::Opciones {
        correo: Some(correo.map_err(|e| interno(e.to_string()))?),
        url_publica: Some(base.to_string()),
        ..sigra_envio::Opciones::default()
    };
    let cartero = Cartero::abre(store.clone(), opciones).await;
    cartero.map_err(|e| interno(e.to_string()))
}

impl Servidor {
    pub(super) async fn iniciar(
        store: Store,
        datos: &Path,
        listener: TcpListener,
    ) -> Result<Self, ErrorDemo> {
        let interno = |e: &str| ErrorDemo::Interno(e.to_owned());
        let direccion = listener.local_addr().map_err(|e| interno(&e.to_string()))?;
        let direccion = alcanzable(direccion);
        let base =
            Url::parse(&format!("http://{direccion}/")).map_err(|e| interno(&e.to_string()))?;
        let zona = Zona::new("America/Santiago").ok_or_else(|| interno("falta la zona horaria"))?;
        let opciones = Opciones {
            zona,
            // Tokens of another run are worth nothing in this one.
            claves: vec![ClaveFirma {
                kid: "demo".into(),
                secreto: store.entorno().azar(),
            }],
            proxies: Vec::new(),
            // Plain HTTP: a browser would not send a Secure cookie back.
            cookie_segura: false,
            sync_por_minuto: 0,
            silencio_horas: 72,
        };
        let almacen = Almacen::directorio(datos.join("archivos"));
        let almacen = almacen.map_err(|e| interno(&e.to_string()))?;
        let evidencia = Evidencia::nueva(store.clone(), almacen, Limites::default());
        let trabajo = tokio::spawn(evidencia.clone().trabaja());
        let cartero = cartero(&store, datos, &base).await?;
        let app = App::nueva(store.clone(), evidencia, cartero.clone(), opciones);
        let mantencion = tokio::spawn(mantiene(store.clone(), cartero.salidas()));
        let reparto = tokio::spawn(cartero.clone().trabaja());
        let (alto, avisado) = oneshot::channel::<()>();
        let tarea = tokio::spawn(async move {
            // A sender that is gone means the same as one that spoke.
            let fin = sigra_api::servir(listener, app, async move { drop(avisado.await) }).await;
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
    pub(super) async fn hasta_que_caiga(&mut self) -> ErrorDemo {
        ErrorDemo::Servidor(match (&mut self.tarea).await {
            Ok(Ok(())) => "sin decir por qué".into(),
            Ok(Err(e)) => e.to_string(),
            Err(e) => e.to_string(),
        })
    }

    /// Lets requests under way finish and closes the database.
    pub(super) async fn detener(self) {
        // No receiver: it has ended already.
        let _ = self.alto.send(());
        if !self.tarea.is_finished() && tokio::time::timeout(CIERRE, self.tarea).await.is_err() {
            aviso("El servidor no terminó a tiempo sus peticiones pendientes.");
        }
        self.store.cerrar().await;
    }
}

/// Where a client on this machine finds a server that listens on all addresses.
fn alcanzable(direccion: SocketAddr) -> SocketAddr {
    let ip = match direccion.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, direccion.port())
}

#[cfg(test)]
mod tests {
    use super::{alcanzable, escuchar};

    #[test]
    fn a_taken_port_is_replaced() {
        let primero = escuchar("127.0.0.1:0".parse().unwrap()).unwrap();
        let pedida = primero.local_addr().unwrap();
        let segundo = escuchar(pedida).unwrap().local_addr().unwrap();
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
            assert_eq!(alcanzable(escucha.parse().unwrap()).to_string(), alcanza);
        }
    }
}
