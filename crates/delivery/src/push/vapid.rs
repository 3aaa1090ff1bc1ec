//! How a push service knows this server (VAPID, RFC 8292): by a signature, with no account there.

use std::fmt;

use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use url::Url;

/// Written without padding, read with or without it.
pub(super) const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How long a signature holds; push services refuse more than 24 hours.
const LIFETIME: i64 = 12 * 60 * 60;

/// The server's key. Browsers subscribe to its public half: with another key every subscription is
/// void, so it is made once and kept.
#[derive(Clone)]
pub struct VapidKey {
    firma: EncodingKey,
    pkcs8: Vec<u8>,
    publica: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVapidKey {
    #[error("La clave VAPID no es válida: debe ser una clave privada P-256 en PKCS#8 y base64.")]
    Clave,
    #[error("El contacto de VAPID debe comenzar con mailto: o https://.")]
    Contacto,
}

#[derive(Serialize)]
struct VapidClaims<'a> {
    aud: String,
    exp: i64,
    sub: &'a str,
}

impl VapidKey {
    /// From random bytes; one array in 2³² is no key.
    pub fn new(random: [u8; 32]) -> Result<Self, InvalidVapidKey> {
        let privada = PrivateKey::from_private_key(&ECDH_P256, &random);
        let publica = privada.and_then(|p| Ok(p.compute_public_key()?));
        let publica = publica.map_err(|_| InvalidVapidKey::Clave)?;
        let par = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &random,
            publica.as_ref(),
        );
        let pkcs8 = par.map_err(|_| InvalidVapidKey::Clave)?.to_pkcs8v1();
        Self::from_der(pkcs8.map_err(|_| InvalidVapidKey::Clave)?.as_ref())
    }

    /// Reads what [`VapidKey::text`] wrote.
    pub fn parse(pkcs8: &str) -> Result<Self, InvalidVapidKey> {
        let der = BASE64URL.decode(pkcs8.trim());
        Self::from_der(&der.map_err(|_| InvalidVapidKey::Clave)?)
    }

    fn from_der(der: &[u8]) -> Result<Self, InvalidVapidKey> {
        let par = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| InvalidVapidKey::Clave)?;
        Ok(Self {
            firma: EncodingKey::from_ec_der(der),
            pkcs8: der.to_vec(),
            publica: BASE64URL.encode(par.public_key()),
        })
    }

    /// The private key, to be kept: PKCS#8 in base64url.
    pub fn text(&self) -> String {
        BASE64URL.encode(&self.pkcs8)
    }

    /// What browsers take as `applicationServerKey`.
    pub fn public_key(&self) -> &str {
        &self.publica
    }

    /// The header that says who sends, good for this push service only.
    pub(super) fn authorization(
        &self,
        endpoint: &Url,
        contacto: &str,
        segundos: i64,
    ) -> Option<String> {
        let afirmaciones = VapidClaims {
            aud: endpoint.origin().ascii_serialization(),
            exp: segundos.checked_add(LIFETIME)?,
            sub: contacto,
        };
        let header = Header::new(Algorithm::ES256);
        let jwt = jsonwebtoken::encode(&header, &afirmaciones, &self.firma).ok()?;
        Some(format!("vapid t={jwt}, k={}", self.publica))
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaveVapid")
            .field("publica", &self.publica)
            .finish_non_exhaustive()
    }
}
