//! Web Push: a few words to a browser that is closed, through its maker's push service, which can't
//! read them (RFC 8030, 8291, 8292).

mod encrypt;
mod subscription;
#[cfg(test)]
mod tests;
mod vapid;

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};

use crate::{DeliveryError, EgressClient, egress::EgressResponse};

pub use encrypt::RANDOM_BYTES;
pub use subscription::{InvalidSubscription, PushSubscription};
pub use vapid::{InvalidVapidKey, VapidKey};

/// What every push service takes (RFC 8291, section 4: 3993), with room to spare.
pub const MAX_BODY: usize = 3 * 1024;

/// How much a sleeping phone should care (RFC 8030, section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    MuyBaja,
    Baja,
    Normal,
    Alta,
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct PushMessage<'a> {
    /// What the service worker gets; up to [`MAX_BODY`] bytes.
    pub cuerpo: &'a [u8],
    /// Seconds that the push service keeps it for a browser that is away.
    pub ttl: u32,
    pub urgencia: Urgency,
    /// A later message takes the place of one with the same topic that waits. Up to 32 letters,
    /// digits, `_` and `-`; the push service sees it.
    pub tema: Option<&'a str>,
}

/// Who sends. Endpoints come from whoever has an account: give it a [`EgressClient`] with nothing
/// permitted, but where the push service itself stands inside.
#[derive(Clone, Debug)]
pub struct Push {
    target: EgressClient,
    clave: VapidKey,
    contacto: String,
}

impl Push {
    /// `contacto`: where a push service complains, `mailto:…` or `https://…`.
    pub fn new(
        target: EgressClient,
        clave: VapidKey,
        contacto: impl Into<String>,
    ) -> Result<Self, InvalidVapidKey> {
        let contacto = contacto.into();
        if !contacto.starts_with("mailto:") && !contacto.starts_with("https://") {
            return Err(InvalidVapidKey::Contacto);
        }
        Ok(Self {
            target,
            clave,
            contacto,
        })
    }

    /// `segundos`: now, since 1970. `random`: random bytes, never used twice.
    pub async fn send(
        &self,
        suscripcion: &PushSubscription,
        aviso: &PushMessage<'_>,
        segundos: i64,
        random: [u8; RANDOM_BYTES],
    ) -> Result<(), DeliveryError> {
        if aviso.cuerpo.len() > MAX_BODY {
            return Err(DeliveryError::permanent(
                "La notificación es demasiado larga: acorte su texto.",
            ));
        }
        let cabeceras = self.headers(suscripcion, aviso, segundos)?;
        let cuerpo = encrypt::encrypt(suscripcion, aviso.cuerpo, random).ok_or_else(no_se_pudo)?;
        let response = self
            .target
            .post(
                suscripcion.endpoint().as_str(),
                cabeceras,
                Bytes::from(cuerpo),
                segundos,
            )
            .await?;
        check_response(&response)
    }

    fn headers(
        &self,
        suscripcion: &PushSubscription,
        aviso: &PushMessage<'_>,
        segundos: i64,
    ) -> Result<HeaderMap, DeliveryError> {
        let autorizacion = self
            .clave
            .authorization(suscripcion.endpoint(), &self.contacto, segundos)
            .ok_or_else(no_se_pudo)?;
        let mut autorizacion = HeaderValue::from_str(&autorizacion).map_err(|_| no_se_pudo())?;
        autorizacion.set_sensitive(true);
        let fijo = HeaderValue::from_static;
        let mut cabeceras = HeaderMap::from_iter([
            (AUTHORIZATION, autorizacion),
            (CONTENT_ENCODING, fijo("aes128gcm")),
            (CONTENT_TYPE, fijo("application/octet-stream")),
            (HeaderName::from_static("ttl"), HeaderValue::from(aviso.ttl)),
            (
                HeaderName::from_static("urgency"),
                fijo(aviso.urgencia.text()),
            ),
        ]);
        if let Some(tema) = aviso.tema {
            let good = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
            let cabe = (1..=32).contains(&tema.len()) && tema.bytes().all(good);
            let value = HeaderValue::from_str(tema).ok().filter(|_| cabe);
            cabeceras.insert("topic", value.ok_or_else(invalid_topic)?);
        }
        Ok(cabeceras)
    }
}

impl Urgency {
    fn text(self) -> &'static str {
        match self {
            Self::MuyBaja => "very-low",
            Self::Baja => "low",
            Self::Normal => "normal",
            Self::Alta => "high",
        }
    }
}

fn invalid_topic() -> DeliveryError {
    DeliveryError::permanent(
        "El tema de la notificación debe tener hasta 32 letras, números, «_» o «-».",
    )
}

/// Other random bytes will do.
fn no_se_pudo() -> DeliveryError {
    DeliveryError::transient("La notificación no se pudo cifrar o firmar.")
}

fn check_response(response: &EgressResponse) -> Result<(), DeliveryError> {
    let estado = response.estado;
    let numero = estado.as_u16();
    if estado.is_success() {
        return Ok(());
    }
    Err(match estado {
        StatusCode::NOT_FOUND | StatusCode::GONE => DeliveryError::permanent(format!(
            "El navegador ya no recibe notificaciones (HTTP {numero}): la persona debe activarlas de \
             nuevo."
        )),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => response
            .transient(format!(
                "El servicio de notificaciones no aceptó la firma (HTTP {numero}): revise la clave \
                 VAPID, el contacto y la hora del servidor."
            ))
            .for_recipient_only(),
        StatusCode::TOO_MANY_REQUESTS => response.transient(
            "El servicio de notificaciones pide que se le envíe más despacio (HTTP 429).",
        ),
        _ => response.transient(format!(
            "El servicio de notificaciones no aceptó la notificación (HTTP {numero})."
        )),
    })
}
