//! HTTP to places that others choose: a webhook's receiver, a browser's push service.
//!
//! The server stands inside a network that those people can't reach, so nothing goes to an address
//! that is not out in the Internet (SSRF), unless the administrator opened it.

mod address;
mod allow_list;
mod resolver;
#[cfg(test)]
mod tests;
mod tls;
mod url;

use std::{sync::Arc, time::Duration};

use ::url::Url;
use bytes::Bytes;
use reqwest::{
    Client, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
    redirect, retry,
};

use self::resolver::{GuardedResolver, LookupError, LookupFn};
use crate::{
    DeliveryError,
    error::{find_in_chain, tls_failure},
};

pub use self::{
    allow_list::{AllowList, InvalidNetwork},
    url::{UrlRefusal, check_url},
};

/// More than this nobody is made to wait for.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Kept connections: per receiver, and for how long. Push services are few and asked often.
const MAX_IDLE_CONNECTIONS: usize = 2;
const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one sending may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub conexion: Duration,
    /// From the look-up of the name to the head of the answer.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            conexion: Duration::from_secs(5),
            total: Duration::from_secs(15),
        }
    }
}

/// The way out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EgressClient {
    allowed: Arc<AllowList>,
    encrypted_: Client,
    /// Only to what is permitted.
    en_claro: Client,
}

/// What the other side said, of which only this is of interest: its words are never read.
pub(crate) struct EgressResponse {
    pub estado: StatusCode,
    reintentar_en: Option<Duration>,
}

impl EgressClient {
    /// Fails when the system's certificates can't be read.
    pub fn new(allowed: AllowList, plazos: Timeouts) -> Result<Self, DeliveryError> {
        Self::with_resolver(allowed, plazos, &resolver::system_resolver())
    }

    fn with_resolver(
        allowed: AllowList,
        plazos: Timeouts,
        guia: &LookupFn,
    ) -> Result<Self, DeliveryError> {
        let allowed = Arc::new(allowed);
        let client = |encrypted| {
            let guarded = GuardedResolver {
                guia: Arc::clone(guia),
                allowed: Arc::clone(&allowed),
                encrypted,
            };
            http_client(guarded, plazos)
        };
        Ok(Self {
            encrypted_: client(true)?,
            en_claro: client(false)?,
            allowed,
        })
    }

    /// For the moment of registering an address; see [`check_url`].
    pub fn check(&self, url: &str) -> Result<Url, UrlRefusal> {
        check_url(url, &self.allowed)
    }

    /// Posts something. Whatever is answered is an answer; only silence is a [`DeliveryError`].
    pub(crate) async fn post(
        &self,
        url: &str,
        cabeceras: HeaderMap,
        cuerpo: Bytes,
        segundos: i64,
    ) -> Result<EgressResponse, DeliveryError> {
        let url = self
            .check(url)
            .map_err(|rechazo| DeliveryError::permanent(rechazo.to_string()))?;
        let client = match url.scheme() {
            "https" => &self.encrypted_,
            _ => &self.en_claro,
        };
        let enviada = client.post(url).headers(cabeceras).body(cuerpo).send();
        // The body of the answer is dropped unread, and its connection with it if it is long.
        let response = enviada.await.map_err(|e| transport_error(&e))?;
        Ok(EgressResponse {
            estado: response.status(),
            reintentar_en: retry_after(response.headers(), segundos),
        })
    }
}

impl EgressResponse {
    /// A failure with these words, after the pause that the other side asked for.
    pub(crate) fn transient(&self, texto: impl Into<String>) -> DeliveryError {
        DeliveryError {
            reintentar_en: self.reintentar_en,
            ..DeliveryError::transient(texto)
        }
    }
}

fn http_client(guarded: GuardedResolver, plazos: Timeouts) -> Result<Client, DeliveryError> {
    let sin_certificados = || {
        DeliveryError::transient(
            "No se pudo preparar el envío por HTTPS: revise que el sistema tenga instalados los \
             certificados raíz (paquete ca-certificates).",
        )
    };
    Client::builder()
        .user_agent(concat!("SIGRA/", env!("CARGO_PKG_VERSION")))
        .https_only(guarded.encrypted)
        .dns_resolver(Arc::new(guarded))
        .tls_backend_preconfigured(tls::client_config().map_err(|_| sin_certificados())?)
        // A proxy would look names up for itself, and be the address that was checked.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .connect_timeout(plazos.conexion)
        .timeout(plazos.total)
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .pool_idle_timeout(IDLE_CONNECTION_TIMEOUT)
        .build()
        .map_err(|_| sin_certificados())
}

/// Nothing of the error's own words: they hold the URL, which may hold a secret.
fn transport_error(e: &reqwest::Error) -> DeliveryError {
    let de_nombre = find_in_chain(e, |e| e.downcast_ref().map(dns_error_text));
    let de_tls = || tls_failure(e).map(tls_error_text);
    DeliveryError::transient(de_nombre.or_else(de_tls).unwrap_or_else(|| {
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

fn dns_error_text(failure: &LookupError) -> &'static str {
    match failure {
        LookupError::NoExiste(_) => {
            "El nombre del receptor no se encontró: revise la dirección y el DNS del servidor."
        }
        LookupError::Rechazo(UrlRefusal::SinCifrar) => {
            "La dirección debe comenzar con https://: sin cifrar solo se envía a las redes permitidas."
        }
        LookupError::Rechazo(_) => {
            "El nombre del receptor apunta a una red interna o reservada: use uno público, o agregue \
             esa red a las permitidas en la configuración del servidor."
        }
    }
}

fn tls_error_text(certificado: bool) -> &'static str {
    if certificado {
        "El certificado del receptor no es válido: revise que no haya vencido, que sea de ese nombre \
         y que lo firme una autoridad que este servidor conozca."
    } else {
        "No se pudo establecer una conexión cifrada con el receptor: revise que ese puerto hable \
         HTTPS."
    }
}

/// Seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(cabeceras: &HeaderMap, segundos: i64) -> Option<Duration> {
    let texto = cabeceras.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let espera = if let Ok(n) = texto.parse() {
        Duration::from_secs(n)
    } else {
        let now = Duration::from_secs(u64::try_from(segundos).ok()?);
        let hasta = httpdate::parse_http_date(texto).ok()?;
        let hasta = hasta.duration_since(std::time::UNIX_EPOCH).ok()?;
        hasta.saturating_sub(now)
    };
    Some(espera.min(MAX_RETRY_AFTER))
}
