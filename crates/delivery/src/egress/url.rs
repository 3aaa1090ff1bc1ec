//! What of a URL can be judged before anybody is asked for addresses.

use std::net::IpAddr;

use ::url::{Host, Url};

use super::{AllowList, address::is_global};

/// Longer ones are an accident or an attack.
const MAX_LENGTH: usize = 2048;

/// Names that are never out in the Internet (RFC 6761, 6762, 8375 and ICANN's `internal`).
const INTERNAL_NAMES: [&str; 5] = ["localhost", "local", "internal", "home.arpa", "lan"];

/// Why nothing is sent to a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    #[error("La dirección es demasiado larga: use una de hasta 2048 caracteres.")]
    MuyLarga,
    #[error("La dirección no se entiende: escríbala completa, como https://ejemplo.cl/avisos.")]
    NoSeEntiende,
    #[error("La dirección debe comenzar con https://.")]
    SinCifrar,
    #[error("La dirección no debe llevar usuario ni contraseña: quítelos.")]
    ConClave,
    #[error("El puerto 0 no existe: quite el puerto o escriba el correcto.")]
    Puerto,
    #[error(
        "La dirección apunta a una red interna o reservada: use una pública, o pida que se agregue \
         esa red a las permitidas en la configuración del servidor."
    )]
    Interna,
}

/// Tells whether something may ever be sent there. A name may still turn out to be inside when it is
/// looked up: that is told when sending.
pub fn check_url(texto: &str, allowed: &AllowList) -> Result<Url, UrlRefusal> {
    if texto.len() > MAX_LENGTH {
        return Err(UrlRefusal::MuyLarga);
    }
    // The parser repairs these; somebody who reads the address would see another one.
    if texto
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || c == '\\')
    {
        return Err(UrlRefusal::NoSeEntiende);
    }
    let mut url = Url::parse(texto).map_err(|_| UrlRefusal::NoSeEntiende)?;
    let encrypted = match url.scheme() {
        "https" => true,
        // Only for who is inside, so that nothing crosses the Internet in the clear.
        "http" if !allowed.is_empty() => false,
        _ => return Err(UrlRefusal::SinCifrar),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlRefusal::ConClave);
    }
    if url.port() == Some(0) {
        return Err(UrlRefusal::Puerto);
    }
    // The parser has turned every disguise of an address (decimal, octal, short…) into the address.
    match url.host() {
        Some(Host::Ipv4(ip)) => check_ip(IpAddr::V4(ip), allowed, encrypted)?,
        Some(Host::Ipv6(ip)) => check_ip(IpAddr::V6(ip), allowed, encrypted)?,
        Some(Host::Domain(nombre)) if allowed.is_empty() && is_internal(nombre) => {
            return Err(UrlRefusal::Interna);
        }
        Some(Host::Domain(_)) => {}
        None => return Err(UrlRefusal::NoSeEntiende),
    }
    url.set_fragment(None);
    Ok(url)
}

/// Whether things are sent to an address: without TLS, only to what the administrator opened.
pub(super) fn check_ip(ip: IpAddr, allowed: &AllowList, encrypted: bool) -> Result<(), UrlRefusal> {
    if allowed.contains(ip) {
        Ok(())
    } else if !is_global(ip) {
        Err(UrlRefusal::Interna)
    } else if !encrypted {
        Err(UrlRefusal::SinCifrar)
    } else {
        Ok(())
    }
}

fn is_internal(nombre: &str) -> bool {
    let nombre = nombre.strip_suffix('.').unwrap_or(nombre);
    let termina_en = |fin: &&str| {
        nombre
            .strip_suffix(*fin)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    !nombre.contains('.') || INTERNAL_NAMES.iter().any(termina_en)
}
