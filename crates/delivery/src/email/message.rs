//! A message as it travels (RFC 5322): what came from people can't become a header of its own.

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use crate::DeliveryError;

/// 31 December 9999, in milliseconds: no later date can be written.
const LAST_DAY: i64 = 253_402_214_400_000;

/// RFC 5321, section 4.5.3.1.
const MAX_ADDRESS_LENGTH: usize = 254;
const MAX_ID_LENGTH: usize = 64;

/// To one person.
#[derive(Clone, Copy, Debug)]
pub struct EmailMessage<'a> {
    /// The same whenever it is sent again, and of no other message. Letters, digits, `_` and `-`; up
    /// to 64.
    pub id: &'a str,
    /// An address alone.
    pub para: &'a str,
    pub asunto: &'a str,
    pub texto: &'a str,
    pub html: &'a str,
    /// When it was written, in milliseconds since 1970.
    pub milisegundos: i64,
}

impl EmailMessage<'_> {
    pub(super) fn address(&self) -> Result<Address, DeliveryError> {
        address(self.para).ok_or_else(|| {
            DeliveryError::permanent(
                "La dirección de correo de la persona no es válida: corríjala, sin tildes, espacios \
                 ni signos raros.",
            )
        })
    }

    pub(super) fn bytes(&self, de: &Mailbox, para: &Address) -> Result<Vec<u8>, DeliveryError> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !(1..=MAX_ID_LENGTH).contains(&self.id.len()) || !self.id.chars().all(good) {
            return Err(no_se_pudo());
        }
        let fecha = Duration::from_millis(self.milisegundos.clamp(0, LAST_DAY).unsigned_abs());
        let automatico = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let mensaje = Message::builder()
            .from(de.clone())
            .to(Mailbox::new(None, para.clone()))
            .subject(single_line(self.asunto))
            .date(UNIX_EPOCH + fecha)
            .message_id(Some(format!("<{}@{}>", self.id, de.email.domain())))
            // Nobody's out-of-office answers it (RFC 3834).
            .raw_header(automatico)
            .multipart(MultiPart::alternative_plain_html(
                normalize_newlines(self.texto),
                normalize_newlines(self.html),
            ))
            .map_err(|_| no_se_pudo())?;
        Ok(mensaje.formatted())
    }
}

/// `SIGRA <sigra@ejemplo.cl>`, or the address alone.
pub(super) fn parse_sender(texto: &str) -> Result<Mailbox, DeliveryError> {
    let entre_angulos = texto
        .trim()
        .strip_suffix('>')
        .and_then(|t| t.rsplit_once('<'));
    let (nombre, correo) = entre_angulos.unwrap_or(("", texto.trim()));
    let nombre = nombre.trim().trim_matches('"').trim();
    let raro = |c: char| c.is_control() || "<>".contains(c);
    let hallada = address(correo).filter(|_| !nombre.contains(raro));
    let Some(correo) = hallada else {
        return Err(DeliveryError::permanent(
            "El remitente del correo no es válido: escríbalo como SIGRA <sigra@ejemplo.cl>.",
        ));
    };
    let nombre = (!nombre.is_empty()).then(|| nombre.to_owned());
    Ok(Mailbox::new(nombre, correo))
}

/// An address without quotes, comments or letters that only some servers take.
fn address(texto: &str) -> Option<Address> {
    let raro = |c: char| !c.is_ascii_graphic() || "\"(),:;<>[]\\".contains(c);
    if texto.len() > MAX_ADDRESS_LENGTH || texto.contains(raro) {
        return None;
    }
    texto.parse().ok()
}

fn single_line(texto: &str) -> String {
    texto.replace(char::is_control, " ")
}

/// One kind of line end: a lone CR may be the end of the message to some servers.
fn normalize_newlines(texto: &str) -> String {
    texto
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\n', "\r\n")
}

fn no_se_pudo() -> DeliveryError {
    DeliveryError::permanent("El mensaje de correo no se pudo armar.")
}
