//! Names become addresses here, and only those that pass leave: what is checked is what is connected
//! to, however often a name changes its mind.

use std::{
    error::Error,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{
    Permitidos,
    url::{RechazoUrl, comprueba_ip},
};

/// Addresses of a name that are tried.
const DIRECCIONES: usize = 8;

pub(super) type Hallazgo = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
/// Who knows the addresses of a name: the system, or a test.
pub(super) type Guia = Arc<dyn Fn(String) -> Hallazgo + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub(super) enum FalloNombre {
    #[error("no such name")]
    NoExiste(#[source] io::Error),
    /// None of its addresses; this is why, of the first.
    #[error(transparent)]
    Rechazo(RechazoUrl),
}

pub(super) struct Guardia {
    pub guia: Guia,
    pub permitidos: Arc<Permitidos>,
    pub cifrada: bool,
}

impl Resolve for Guardia {
    fn resolve(&self, nombre: Name) -> Resolving {
        let hallazgo = (self.guia)(nombre.as_str().to_owned());
        let (permitidos, cifrada) = (Arc::clone(&self.permitidos), self.cifrada);
        Box::pin(async move {
            let ips = hallazgo.await.map_err(FalloNombre::NoExiste)?;
            let juzga = |ip: &IpAddr| comprueba_ip(*ip, &permitidos, cifrada);
            let buenas: Vec<SocketAddr> = ips
                .iter()
                .filter(|ip| juzga(ip).is_ok())
                .take(DIRECCIONES)
                // Port 0 stands for the URL's.
                .map(|ip| SocketAddr::new(*ip, 0))
                .collect();
            if buenas.is_empty() {
                let rechazo = ips.iter().find_map(|ip| juzga(ip).err());
                let rechazo = rechazo.unwrap_or(RechazoUrl::Interna);
                return Err(Box::<dyn Error + Send + Sync>::from(FalloNombre::Rechazo(
                    rechazo,
                )));
            }
            Ok(Box::new(buenas.into_iter()) as Addrs)
        })
    }
}

/// What the system knows: its hosts file and its DNS.
pub(super) fn del_sistema() -> Guia {
    Arc::new(|nombre| {
        Box::pin(async move {
            let halladas = tokio::net::lookup_host((nombre, 0)).await?;
            Ok(halladas.map(|d| d.ip()).collect())
        })
    })
}
