//! Web Push: a few words to a browser that is closed, through its maker's push service, which can't
//! read them (RFC 8030, 8291, 8292).

mod cifrado;
#[cfg(test)]
mod pruebas;
mod suscripcion;
mod vapid;

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};

use crate::{Destino, Fallo, destino::Respuesta};

pub use cifrado::AZAR;
pub use suscripcion::{RechazoSuscripcion, Suscripcion};
pub use vapid::{ClaveVapid, RechazoVapid};

/// What every push service takes (RFC 8291, section 4: 3993), with room to spare.
pub const CUERPO_MAXIMO: usize = 3 * 1024;

/// How much a sleeping phone should care (RFC 8030, section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgencia {
    MuyBaja,
    Baja,
    Normal,
    Alta,
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Aviso<'a> {
    /// What the service worker gets; up to [`CUERPO_MAXIMO`] bytes.
    pub cuerpo: &'a [u8],
    /// Seconds that the push service keeps it for a browser that is away.
    pub ttl: u32,
    pub urgencia: Urgencia,
    /// A later message takes the place of one with the same topic that waits. Up to 32 letters,
    /// digits, `_` and `-`; the push service sees it.
    pub tema: Option<&'a str>,
}

/// Who sends. Endpoints come from whoever has an account: give it a [`Destino`] with nothing
/// permitted, but where the push service itself stands inside.
#[derive(Clone, Debug)]
pub struct Push {
    destino: Destino,
    clave: ClaveVapid,
    contacto: String,
}

impl Push {
    /// `contacto`: where a push service complains, `mailto:…` or `https://…`.
    pub fn nuevo(
        destino: Destino,
        clave: ClaveVapid,
        contacto: impl Into<String>,
    ) -> Result<Self, RechazoVapid> {
        let contacto = contacto.into();
        if !contacto.starts_with("mailto:") && !contacto.starts_with("https://") {
            return Err(RechazoVapid::Contacto);
        }
        Ok(Self {
            destino,
            clave,
            contacto,
        })
    }

    /// `segundos`: now, since 1970. `azar`: random bytes, never used twice.
    pub async fn envia(
        &self,
        suscripcion: &Suscripcion,
        aviso: &Aviso<'_>,
        segundos: i64,
        azar: [u8; AZAR],
    ) -> Result<(), Fallo> {
        if aviso.cuerpo.len() > CUERPO_MAXIMO {
            return Err(Fallo::permanente(
                "La notificación es demasiado larga: acorte su texto.",
            ));
        }
        let cabeceras = self.cabeceras(suscripcion, aviso, segundos)?;
        let cuerpo = cifrado::cifra(suscripcion, aviso.cuerpo, azar).ok_or_else(no_se_pudo)?;
        let respuesta = self
            .destino
            .publica(
                suscripcion.endpoint().as_str(),
                cabeceras,
                Bytes::from(cuerpo),
                segundos,
            )
            .await?;
        juzga(&respuesta)
    }

    fn cabeceras(
        &self,
        suscripcion: &Suscripcion,
        aviso: &Aviso<'_>,
        segundos: i64,
    ) -> Result<HeaderMap, Fallo> {
        let autorizacion = self
            .clave
            .autorizacion(suscripcion.endpoint(), &self.contacto, segundos)
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
                fijo(aviso.urgencia.texto()),
            ),
        ]);
        if let Some(tema) = aviso.tema {
            let bueno = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
            let cabe = (1..=32).contains(&tema.len()) && tema.bytes().all(bueno);
            let valor = HeaderValue::from_str(tema).ok().filter(|_| cabe);
            cabeceras.insert("topic", valor.ok_or_else(mal_tema)?);
        }
        Ok(cabeceras)
    }
}

impl Urgencia {
    fn texto(self) -> &'static str {
        match self {
            Self::MuyBaja => "very-low",
            Self::Baja => "low",
            Self::Normal => "normal",
            Self::Alta => "high",
        }
    }
}

fn mal_tema() -> Fallo {
    Fallo::permanente("El tema de la notificación debe tener hasta 32 letras, números, «_» o «-».")
}

/// Other random bytes will do.
fn no_se_pudo() -> Fallo {
    Fallo::pasajero("La notificación no se pudo cifrar o firmar.")
}

fn juzga(respuesta: &Respuesta) -> Result<(), Fallo> {
    let estado = respuesta.estado;
    let numero = estado.as_u16();
    if estado.is_success() {
        return Ok(());
    }
    Err(match estado {
        StatusCode::NOT_FOUND | StatusCode::GONE => Fallo::permanente(format!(
            "El navegador ya no recibe notificaciones (HTTP {numero}): la persona debe activarlas de \
             nuevo."
        )),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => respuesta
            .pasajero(format!(
                "El servicio de notificaciones no aceptó la firma (HTTP {numero}): revise la clave \
                 VAPID, el contacto y la hora del servidor."
            ))
            .de_uno(),
        StatusCode::TOO_MANY_REQUESTS => respuesta.pasajero(
            "El servicio de notificaciones pide que se le envíe más despacio (HTTP 429).",
        ),
        _ => respuesta.pasajero(format!(
            "El servicio de notificaciones no aceptó la notificación (HTTP {numero})."
        )),
    })
}
