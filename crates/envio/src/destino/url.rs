//! What of a URL can be judged before anybody is asked for addresses.

use std::net::IpAddr;

use ::url::{Host, Url};

use super::{Permitidos, direccion::es_global};

/// Longer ones are an accident or an attack.
const LARGO: usize = 2048;

/// Names that are never out in the Internet (RFC 6761, 6762, 8375 and ICANN's `internal`).
const INTERNOS: [&str; 5] = ["localhost", "local", "internal", "home.arpa", "lan"];

/// Why nothing is sent to a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RechazoUrl {
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
pub fn comprueba_url(texto: &str, permitidos: &Permitidos) -> Result<Url, RechazoUrl> {
    if texto.len() > LARGO {
        return Err(RechazoUrl::MuyLarga);
    }
    // The parser repairs these; somebody who reads the address would see another one.
    if texto
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || c == '\\')
    {
        return Err(RechazoUrl::NoSeEntiende);
    }
    let mut url = Url::parse(texto).map_err(|_| RechazoUrl::NoSeEntiende)?;
    let cifrada = match url.scheme() {
        "https" => true,
        // Only for who is inside, so that nothing crosses the Internet in the clear.
        "http" if !permitidos.esta_vacio() => false,
        _ => return Err(RechazoUrl::SinCifrar),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RechazoUrl::ConClave);
    }
    if url.port() == Some(0) {
        return Err(RechazoUrl::Puerto);
    }
    // The parser has turned every disguise of an address (decimal, octal, short…) into the address.
    match url.host() {
        Some(Host::Ipv4(ip)) => comprueba_ip(IpAddr::V4(ip), permitidos, cifrada)?,
        Some(Host::Ipv6(ip)) => comprueba_ip(IpAddr::V6(ip), permitidos, cifrada)?,
        Some(Host::Domain(nombre)) if permitidos.esta_vacio() && es_interno(nombre) => {
            return Err(RechazoUrl::Interna);
        }
        Some(Host::Domain(_)) => {}
        None => return Err(RechazoUrl::NoSeEntiende),
    }
    url.set_fragment(None);
    Ok(url)
}

/// Whether things are sent to an address: without TLS, only to what the administrator opened.
pub(super) fn comprueba_ip(
    ip: IpAddr,
    permitidos: &Permitidos,
    cifrada: bool,
) -> Result<(), RechazoUrl> {
    if permitidos.contiene(ip) {
        Ok(())
    } else if !es_global(ip) {
        Err(RechazoUrl::Interna)
    } else if !cifrada {
        Err(RechazoUrl::SinCifrar)
    } else {
        Ok(())
    }
}

fn es_interno(nombre: &str) -> bool {
    let nombre = nombre.strip_suffix('.').unwrap_or(nombre);
    let termina_en = |fin: &&str| {
        nombre
            .strip_suffix(*fin)
            .is_some_and(|resto| resto.is_empty() || resto.ends_with('.'))
    };
    !nombre.contains('.') || INTERNOS.iter().any(termina_en)
}
