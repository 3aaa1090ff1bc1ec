//! Access tokens: signed, short-lived, checked against the session's row at every use.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sigra_domain::{Instante, Quien, hex};
use sigra_store::Env;

use crate::code::Codigo;

/// Seconds an access token lives.
pub const LIFETIME: i64 = 15 * 60;
const ISSUER: &str = "sigra";
/// For links to a file.
const AUD_ARCHIVO: &str = "sigra-archivo";
/// For `Authorization: Bearer`.
pub const AUD_API: &str = "sigra-api";
/// For the cookie, which is good for a few GETs only.
pub const AUD_BROWSER: &str = "sigra-navegador";

/// A signing key (HMAC-SHA-256) and its name in tokens.
#[derive(Clone)]
pub struct SigningKey {
    pub kid: String,
    pub secreto: [u8; 32],
}

/// The first key signs; all verify.
pub struct Tokens {
    claves: Vec<(String, EncodingKey, DecodingKey)>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    rut: i64,
    cargo: i64,
    exp: i64,
    iat: i64,
    jti: String,
    iss: String,
    aud: String,
    /// The session.
    sid: i64,
}

/// A link to one file.
#[derive(Serialize, Deserialize)]
struct ArchivoClaims {
    /// The file's id.
    sub: String,
    exp: i64,
    iss: String,
    aud: String,
}

/// What a valid token says.
#[derive(Clone, Copy, Debug)]
pub struct Bearer {
    pub rut: i64,
    pub sesion_id: i64,
}

impl Tokens {
    pub fn new(claves: &[SigningKey]) -> Self {
        let par = |c: &SigningKey| {
            let (enc, dec) = (
                EncodingKey::from_secret(&c.secreto),
                DecodingKey::from_secret(&c.secreto),
            );
            (c.kid.clone(), enc, dec)
        };
        Self {
            claves: claves.iter().map(par).collect(),
        }
    }

    /// A token of `sesion_id` for one of the audiences.
    pub fn issue(
        &self,
        env: &Env,
        quien: &Quien,
        sesion_id: i64,
        aud: &str,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = env.now().0 / Instante::SECOND;
        let claims = Claims {
            sub: quien.rut.to_string(),
            rut: quien.rut.body(),
            cargo: quien.rol.cargo(),
            exp: iat + LIFETIME,
            iat,
            jti: URL_SAFE_NO_PAD.encode(env.random::<12>()),
            iss: ISSUER.to_owned(),
            aud: aud.to_owned(),
            sid: sesion_id,
        };
        self.sign(&claims)
    }

    /// A link's proof that whoever gave it might see the file, until `expira` (whole seconds).
    pub fn sign_archivo(
        &self,
        id: i64,
        expira: Instante,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        self.sign(&ArchivoClaims {
            sub: id.to_string(),
            exp: expira.0 / Instante::SECOND,
            iss: ISSUER.to_owned(),
            aud: AUD_ARCHIVO.to_owned(),
        })
    }

    /// Whether a link is good for this file now.
    pub fn verify_archivo(&self, firma: &str, id: i64, ahora: Instante) -> Result<(), Codigo> {
        let c: Option<ArchivoClaims> = self.decode_claims(firma, AUD_ARCHIVO);
        let c = c.filter(|c| c.sub == id.to_string());
        if c.ok_or(Codigo::UrlInvalida)?.exp * Instante::SECOND <= ahora.0 {
            return Err(Codigo::UrlVencida);
        }
        Ok(())
    }

    fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        let Some((kid, clave, _)) = self.claves.first() else {
            return Err(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat.into());
        };
        let header = Header {
            kid: Some(kid.clone()),
            ..Header::new(Algorithm::HS256)
        };
        encode(&header, claims, clave)
    }

    /// What one of our keys signed for this audience; its time is for the caller to judge, by the clock
    /// that the rest of the server goes by.
    fn decode_claims<T: DeserializeOwned>(&self, token: &str, aud: &str) -> Option<T> {
        let kid = decode_header(token).ok()?.kid?;
        let (_, _, clave) = self.claves.iter().find(|(k, ..)| *k == kid)?;
        let mut reglas = Validation::new(Algorithm::HS256);
        reglas.set_audience(&[aud]);
        reglas.set_issuer(&[ISSUER]);
        reglas.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        reglas.validate_exp = false;
        Some(decode(token, clave, &reglas).ok()?.claims)
    }

    /// What a token says, once its signature, issuer, audience and time are right.
    pub fn verify(&self, token: &str, aud: &str, ahora: Instante) -> Result<Bearer, Codigo> {
        let c: Claims = self
            .decode_claims(token, aud)
            .ok_or(Codigo::TokenInvalido)?;
        if c.exp * Instante::SECOND <= ahora.0 {
            return Err(Codigo::TokenVencido);
        }
        Ok(Bearer {
            rut: c.rut,
            sesion_id: c.sid,
        })
    }
}

/// A new random key.
pub fn new_signing_key(env: &Env) -> SigningKey {
    SigningKey {
        kid: hex(&env.random::<4>()),
        secreto: env.random(),
    }
}
