//! Where a browser is reached, as its `PushSubscription.toJSON()` tells it.

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, UnparsedPublicKey};
use base64::Engine as _;
use url::Url;

use super::vapid::BASE64URL;
use crate::{EgressClient, UrlRefusal};

/// The first byte of a point that is written whole (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// A browser that wants to be told.
#[derive(Clone, PartialEq, Eq)]
pub struct PushSubscription {
    endpoint: Url,
    p256dh: [u8; 65],
    auth: [u8; 16],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSubscription {
    #[error(transparent)]
    Endpoint(#[from] UrlRefusal),
    #[error(
        "La clave p256dh no es válida: debe ser un punto de P-256 sin comprimir, en base64url."
    )]
    P256dh,
    #[error("La clave auth no es válida: deben ser 16 bytes en base64url.")]
    Auth,
}

impl PushSubscription {
    /// The endpoint passes the same guard as when something is sent.
    pub fn new(
        endpoint: &str,
        p256dh: &str,
        auth: &str,
        target: &EgressClient,
    ) -> Result<Self, InvalidSubscription> {
        let endpoint = target.check(endpoint)?;
        let p256dh: [u8; 65] = bytes(p256dh).ok_or(InvalidSubscription::P256dh)?;
        // Now rather than at the first message: a point off the curve never works.
        let punto = ParsedPublicKey::try_from(&UnparsedPublicKey::new(&ECDH_P256, &p256dh));
        if p256dh[0] != UNCOMPRESSED || punto.is_err() {
            return Err(InvalidSubscription::P256dh);
        }
        Ok(Self {
            endpoint,
            p256dh,
            auth: bytes(auth).ok_or(InvalidSubscription::Auth)?,
        })
    }

    pub fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    pub(super) fn p256dh(&self) -> &[u8] {
        &self.p256dh
    }

    pub(super) fn auth(&self) -> &[u8] {
        &self.auth
    }
}

fn bytes<const N: usize>(texto: &str) -> Option<[u8; N]> {
    BASE64URL.decode(texto).ok()?.try_into().ok()
}

/// Who knows the endpoint can write to the browser's owner.
impl fmt::Debug for PushSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suscripcion")
            .field("servicio", &self.endpoint.host_str())
            .finish_non_exhaustive()
    }
}
