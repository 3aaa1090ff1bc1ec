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
    AllowList,
    url::{UrlRefusal, check_ip},
};

/// Addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;

pub(super) type LookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
/// Who knows the addresses of a name: the system, or a test.
pub(super) type LookupFn = Arc<dyn Fn(String) -> LookupFuture + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    #[error("no such name")]
    NoExiste(#[source] io::Error),
    /// None of its addresses; this is why, of the first.
    #[error(transparent)]
    Rechazo(UrlRefusal),
}

pub(super) struct GuardedResolver {
    pub guia: LookupFn,
    pub allowed: Arc<AllowList>,
    pub encrypted: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, nombre: Name) -> Resolving {
        let hallazgo = (self.guia)(nombre.as_str().to_owned());
        let (allowed, encrypted) = (Arc::clone(&self.allowed), self.encrypted);
        Box::pin(async move {
            let ips = hallazgo.await.map_err(LookupError::NoExiste)?;
            let juzga = |ip: &IpAddr| check_ip(*ip, &allowed, encrypted);
            let buenas: Vec<SocketAddr> = ips
                .iter()
                .filter(|ip| juzga(ip).is_ok())
                .take(MAX_ADDRESSES)
                // Port 0 stands for the URL's.
                .map(|ip| SocketAddr::new(*ip, 0))
                .collect();
            if buenas.is_empty() {
                let rechazo = ips.iter().find_map(|ip| juzga(ip).err());
                let rechazo = rechazo.unwrap_or(UrlRefusal::Interna);
                return Err(Box::<dyn Error + Send + Sync>::from(LookupError::Rechazo(
                    rechazo,
                )));
            }
            Ok(Box::new(buenas.into_iter()) as Addrs)
        })
    }
}

/// What the system knows: its hosts file and its DNS.
pub(super) fn system_resolver() -> LookupFn {
    Arc::new(|nombre| {
        Box::pin(async move {
            let halladas = tokio::net::lookup_host((nombre, 0)).await?;
            Ok(halladas.map(|d| d.ip()).collect())
        })
    })
}
