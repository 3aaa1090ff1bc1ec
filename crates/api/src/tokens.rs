//! Access tokens: signed, short-lived, checked against the session's row at every use.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{Instante, Quien, hex};
use sigra_store::Entorno;

use crate::codigo::Codigo;

/// Seconds an access token lives.
pub const VIGENCIA: i64 = 15 * 60;
const EMISOR: &str = "sigra";
/// For `Authorization: Bearer`.
pub const AUD_API: &str = "sigra-api";
/// For the cookie, which is good for a few GETs only.
pub const AUD_NAVEGADOR: &str = "sigra-navegador";

/// A signing key (HMAC-SHA-256) and its name in tokens.
#[derive(Clone)]
pub struct ClaveFirma {
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

/// What a valid token says.
#[derive(Clone, Copy, Debug)]
pub struct Portador {
    pub rut: i64,
    pub sesion_id: i64,
}

impl Tokens {
    pub fn nuevos(claves: &[ClaveFirma]) -> Self {
        let par = |c: &ClaveFirma| {
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
    pub fn emite(
        &self,
        entorno: &Entorno,
        quien: &Quien,
        sesion_id: i64,
        aud: &str,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let Some((kid, clave, _)) = self.claves.first() else {
            return Err(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat.into());
        };
        let iat = entorno.ahora().0 / Instante::SEGUNDO;
        let claims = Claims {
            sub: quien.rut.to_string(),
            rut: quien.rut.cuerpo(),
            cargo: quien.rol.cargo(),
            exp: iat + VIGENCIA,
            iat,
            jti: URL_SAFE_NO_PAD.encode(entorno.azar::<12>()),
            iss: EMISOR.to_owned(),
            aud: aud.to_owned(),
            sid: sesion_id,
        };
        let header = Header {
            kid: Some(kid.clone()),
            ..Header::new(Algorithm::HS256)
        };
        encode(&header, &claims, clave)
    }

    /// What a token says, once its signature, issuer, audience and time are right.
    pub fn verifica(&self, token: &str, aud: &str, ahora: Instante) -> Result<Portador, Codigo> {
        let invalido = |_| Codigo::TokenInvalido;
        let kid = decode_header(token).map_err(invalido)?.kid;
        let (_, _, clave) = self
            .claves
            .iter()
            .find(|(k, ..)| Some(k) == kid.as_ref())
            .ok_or(Codigo::TokenInvalido)?;
        let mut reglas = Validation::new(Algorithm::HS256);
        reglas.set_audience(&[aud]);
        reglas.set_issuer(&[EMISOR]);
        reglas.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Checked below, by the clock that the rest of the server goes by.
        reglas.validate_exp = false;
        let c = decode::<Claims>(token, clave, &reglas)
            .map_err(invalido)?
            .claims;
        if c.exp * Instante::SEGUNDO <= ahora.0 {
            return Err(Codigo::TokenVencido);
        }
        Ok(Portador {
            rut: c.rut,
            sesion_id: c.sid,
        })
    }
}

/// A new random key.
pub fn clave_nueva(entorno: &Entorno) -> ClaveFirma {
    ClaveFirma {
        kid: hex(&entorno.azar::<4>()),
        secreto: entorno.azar(),
    }
}
