//! What the server and a receiver both know, and nobody else.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

const PREFIX: &str = "whsec_";

/// A key to sign with. Its text is shown once to whoever registers a receiver; no log shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("El secreto no es válido: debe ser «whsec_» y de 24 a 64 bytes en base64.")]
pub struct InvalidSecret;

/// From random bytes.
pub fn new_secret(random: [u8; 32]) -> WebhookSecret {
    WebhookSecret(random.to_vec())
}

impl WebhookSecret {
    /// Reads `whsec_…`. The lengths are those of the specification.
    pub fn parse(texto: &str) -> Result<Self, InvalidSecret> {
        let bytes = texto
            .strip_prefix(PREFIX)
            .and_then(|rest| BASE64.decode(rest).ok());
        match bytes {
            Some(bytes) if (24..=64).contains(&bytes.len()) => Ok(Self(bytes)),
            _ => Err(InvalidSecret),
        }
    }

    pub fn text(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(&self.0))
    }

    pub(super) fn mac(&self, partes: &[&[u8]]) -> hmac::Tag {
        let clave = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut code = hmac::Context::with_key(&clave);
        for parte in partes {
            code.update(parte);
        }
        code.sign()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secreto(…)")
    }
}
