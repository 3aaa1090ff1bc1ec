//! HTTP to places that others choose: a webhook's receiver, a browser's push service.
//!
//! The server stands inside a network that those people can't reach, so nothing goes to an address
//! that is not out in the Internet (SSRF), unless the administrator opened it.

mod direccion;
mod nombres;
mod permitidos;
#[cfg(test)]
mod pruebas;
mod url;

use std::{sync::Arc, time::Duration};

use ::url::Url;
use bytes::Bytes;
use reqwest::{
    Client, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
    redirect, retry,
};

use self::nombres::{FalloNombre, Guardia, Guia};
use crate::{
    Fallo,
    fallo::{de_tls, en_cadena},
};

pub use self::{
    permitidos::{Permitidos, RechazoRed},
    url::{RechazoUrl, comprueba_url},
};

/// More than this nobody is made to wait for.
const ESPERA_MAXIMA: Duration = Duration::from_hours(1);

/// Kept connections: per receiver, and for how long. Push services are few and asked often.
const OCIOSAS: usize = 2;
const OCIO: Duration = Duration::from_secs(20);

/// How long one sending may take.
#[derive(Clone, Copy, Debug)]
pub struct Plazos {
    pub conexion: Duration,
    /// From the look-up of the name to the head of the answer.
    pub total: Duration,
}

impl Default for Plazos {
    fn default() -> Self {
        Self {
            conexion: Duration::from_secs(5),
            total: Duration::from_secs(15),
        }
    }
}

/// The way out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Destino {
    permitidos: Arc<Permitidos>,
    cifrado: Client,
    /// Only to what is permitted.
    en_claro: Client,
}

/// What the other side said, of which only this is of interest: its words are never read.
pub(crate) struct Respuesta {
    pub estado: StatusCode,
    reintentar_en: Option<Duration>,
}

impl Destino {
    /// Fails when the system's certificates can't be read.
    pub fn nuevo(permitidos: Permitidos, plazos: Plazos) -> Result<Self, Fallo> {
        Self::con_guia(permitidos, plazos, &nombres::del_sistema())
    }

    fn con_guia(permitidos: Permitidos, plazos: Plazos, guia: &Guia) -> Result<Self, Fallo> {
        let permitidos = Arc::new(permitidos);
        let cliente = |cifrada| {
            let guardia = Guardia {
                guia: Arc::clone(guia),
                permitidos: Arc::clone(&permitidos),
                cifrada,
            };
            cliente(guardia, plazos)
        };
        Ok(Self {
            cifrado: cliente(true)?,
            en_claro: cliente(false)?,
            permitidos,
        })
    }

    /// For the moment of registering an address; see [`comprueba_url`].
    pub fn comprueba(&self, url: &str) -> Result<Url, RechazoUrl> {
        comprueba_url(url, &self.permitidos)
    }

    /// Posts something. Whatever is answered is an answer; only silence is a [`Fallo`].
    pub(crate) async fn publica(
        &self,
        url: &str,
        cabeceras: HeaderMap,
        cuerpo: Bytes,
        segundos: i64,
    ) -> Result<Respuesta, Fallo> {
        let url = self
            .comprueba(url)
            .map_err(|rechazo| Fallo::permanente(rechazo.to_string()))?;
        let cliente = match url.scheme() {
            "https" => &self.cifrado,
            _ => &self.en_claro,
        };
        let enviada = cliente.post(url).headers(cabeceras).body(cuerpo).send();
        // The body of the answer is dropped unread, and its connection with it if it is long.
        let respuesta = enviada.await.map_err(|e| sin_respuesta(&e))?;
        Ok(Respuesta {
            estado: respuesta.status(),
            reintentar_en: reintentar_en(respuesta.headers(), segundos),
        })
    }
}

impl Respuesta {
    /// A failure with these words, after the pause that the other side asked for.
    pub(crate) fn pasajero(&self, texto: impl Into<String>) -> Fallo {
        Fallo {
            reintentar_en: self.reintentar_en,
            ..Fallo::pasajero(texto)
        }
    }
}

fn cliente(guardia: Guardia, plazos: Plazos) -> Result<Client, Fallo> {
    Client::builder()
        .user_agent(concat!("SIGRA/", env!("CARGO_PKG_VERSION")))
        .https_only(guardia.cifrada)
        .dns_resolver(Arc::new(guardia))
        // A proxy would look names up for itself, and be the address that was checked.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .connect_timeout(plazos.conexion)
        .timeout(plazos.total)
        .pool_max_idle_per_host(OCIOSAS)
        .pool_idle_timeout(OCIO)
        .build()
        .map_err(|_| {
            Fallo::pasajero(
                "No se pudo preparar el envío por HTTPS: revise que el sistema tenga instalados los \
                 certificados raíz (paquete ca-certificates).",
            )
        })
}

/// Nothing of the error's own words: they hold the URL, which may hold a secret.
fn sin_respuesta(e: &reqwest::Error) -> Fallo {
    let de_nombre = en_cadena(e, |e| e.downcast_ref().map(texto_de_nombre));
    let de_tls = || de_tls(e).map(texto_de_tls);
    Fallo::pasajero(de_nombre.or_else(de_tls).unwrap_or_else(|| {
        if e.is_timeout() {
            "El receptor no respondió a tiempo: revise que esté funcionando."
        } else if e.is_connect() {
            "No se pudo conectar con el receptor: revise la dirección, el puerto y que esté \
             funcionando."
        } else {
            "La conexión con el receptor se cortó antes de su respuesta."
        }
    }))
}

fn texto_de_nombre(fallo: &FalloNombre) -> &'static str {
    match fallo {
        FalloNombre::NoExiste(_) => {
            "El nombre del receptor no se encontró: revise la dirección y el DNS del servidor."
        }
        FalloNombre::Rechazo(RechazoUrl::SinCifrar) => {
            "La dirección debe comenzar con https://: sin cifrar solo se envía a las redes permitidas."
        }
        FalloNombre::Rechazo(_) => {
            "El nombre del receptor apunta a una red interna o reservada: use uno público, o agregue \
             esa red a las permitidas en la configuración del servidor."
        }
    }
}

fn texto_de_tls(certificado: bool) -> &'static str {
    if certificado {
        "El certificado del receptor no es válido: revise que no haya vencido, que sea de ese nombre \
         y que lo firme una autoridad que este servidor conozca."
    } else {
        "No se pudo establecer una conexión cifrada con el receptor: revise que ese puerto hable \
         HTTPS."
    }
}

/// Seconds or a date (RFC 9110, section 10.2.3).
fn reintentar_en(cabeceras: &HeaderMap, segundos: i64) -> Option<Duration> {
    let texto = cabeceras.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let espera = if let Ok(n) = texto.parse() {
        Duration::from_secs(n)
    } else {
        let ahora = Duration::from_secs(u64::try_from(segundos).ok()?);
        let hasta = httpdate::parse_http_date(texto).ok()?;
        let hasta = hasta.duration_since(std::time::UNIX_EPOCH).ok()?;
        hasta.saturating_sub(ahora)
    };
    Some(espera.min(ESPERA_MAXIMA))
}
