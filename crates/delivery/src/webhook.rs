//! Webhooks as Standard Webhooks describes them (<https://www.standardwebhooks.com>): the receiver
//! can tell that a message is ours, that nobody changed it, and that it has seen it before.

mod secret;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};

use crate::{DeliveryError, EgressClient, egress::EgressResponse};

pub use secret::{InvalidSecret, WebhookSecret, new_secret};

/// One message to one receiver.
#[derive(Clone, Debug)]
pub struct WebhookMessage<'a> {
    /// The same whenever it is sent again: by it a receiver knows what it has seen. Letters, digits,
    /// `_` and `-`.
    pub id: &'a str,
    /// Now, since 1970. Receivers refuse what is older than a few minutes, so it is the time of this
    /// sending, not of the event.
    pub segundos: i64,
    pub url: &'a str,
    /// One, or two while one takes the place of the other.
    pub secretos: &'a [WebhookSecret],
    /// JSON.
    pub cuerpo: Bytes,
}

#[derive(Clone, Debug)]
pub struct WebhookSender {
    target: EgressClient,
}

impl WebhookSender {
    pub fn new(target: EgressClient) -> Self {
        Self { target }
    }

    /// Any 2xx is a delivery.
    pub async fn send(&self, mail: &WebhookMessage<'_>) -> Result<(), DeliveryError> {
        let cabeceras = headers(mail)?;
        let cuerpo = mail.cuerpo.clone();
        let response = self
            .target
            .post(mail.url, cabeceras, cuerpo, mail.segundos)
            .await?;
        check_response(&response)
    }
}

fn headers(mail: &WebhookMessage<'_>) -> Result<HeaderMap, DeliveryError> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    // A point in the id would let two messages share what is signed.
    if mail.id.is_empty() || !mail.id.chars().all(good) {
        return Err(DeliveryError::permanent(
            "El identificador del aviso no sirve: use letras, números, «_» y «-».",
        ));
    }
    if mail.secretos.is_empty() {
        return Err(DeliveryError::permanent(
            "El webhook no tiene secreto con que firmar: genere uno.",
        ));
    }
    let firmas: Vec<String> = mail.secretos.iter().map(|s| sign(mail, s)).collect();
    let no_cabe = |_| DeliveryError::permanent("El aviso no se pudo firmar: genere otro secreto.");
    let mut cabeceras =
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for (nombre, value) in [
        ("webhook-id", mail.id),
        ("webhook-timestamp", &mail.segundos.to_string()),
        ("webhook-signature", &firmas.join(" ")),
    ] {
        cabeceras.insert(nombre, HeaderValue::from_str(value).map_err(no_cabe)?);
    }
    Ok(cabeceras)
}

fn sign(mail: &WebhookMessage<'_>, secreto: &WebhookSecret) -> String {
    let antes = format!("{}.{}.", mail.id, mail.segundos);
    let code = secreto.mac(&[antes.as_bytes(), &mail.cuerpo]);
    format!("v1,{}", BASE64.encode(code))
}

fn check_response(response: &EgressResponse) -> Result<(), DeliveryError> {
    let estado = response.estado;
    let numero = estado.as_u16();
    if estado.is_success() {
        return Ok(());
    }
    Err(match estado {
        StatusCode::GONE => DeliveryError::permanent(
            "El receptor dice que esa dirección ya no existe (HTTP 410): registre la nueva o elimine \
             el webhook.",
        ),
        StatusCode::TOO_MANY_REQUESTS => response.transient(
            "El receptor pide que se le envíe más despacio (HTTP 429).",
        ),
        _ if estado.is_redirection() => response.transient(format!(
            "El receptor respondió con una redirección (HTTP {numero}), y no se siguen: registre la \
             dirección final."
        )),
        _ if estado.is_server_error() => response.transient(format!(
            "El receptor tuvo un problema (HTTP {numero}): revise sus registros."
        )),
        _ => response.transient(format!(
            "El receptor no aceptó el aviso (HTTP {numero}): revise la dirección, el secreto y sus \
             registros."
        )),
    })
}

#[cfg(test)]
mod tests;
