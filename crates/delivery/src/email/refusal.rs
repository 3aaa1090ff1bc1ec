//! What a mail server's refusal means, by what was asked of it.

use std::error::Error as _;

use lettre::transport::smtp::Error;

use crate::{DeliveryError, error::tls_failure};

/// What was being done when it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SmtpStep {
    Conexion,
    Acceso,
    Remitente,
    Destinatario,
    Mensaje,
}

/// The server's words stay with the server: they may repeat an address or a text of ours.
pub(super) fn smtp_error(step: SmtpStep, e: &Error) -> DeliveryError {
    if let Some(code) = e.status() {
        let response = e.source().map(ToString::to_string).unwrap_or_default();
        return error_for_code(step, code.into(), enhanced_code(&response));
    }
    match tls_failure(e) {
        Some(true) => DeliveryError::transient(
            "El certificado del servidor de correo no es válido: revise que no haya vencido, que sea \
             de ese nombre y que lo firme una autoridad que este servidor conozca.",
        ),
        Some(false) => DeliveryError::transient(
            "No se pudo establecer una conexión cifrada con el servidor de correo: revise que el \
             puerto corresponda a la seguridad elegida.",
        ),
        None if e.is_timeout() => a_destiempo(),
        None if step == SmtpStep::Acceso && e.is_client() => DeliveryError::transient(
            "El servidor de correo no acepta usuario y contraseña por esta vía: revise el puerto y la \
             seguridad.",
        ),
        None if step == SmtpStep::Conexion => DeliveryError::transient(
            "No se pudo conectar con el servidor de correo: revise el nombre, el puerto, la seguridad \
             y que esté funcionando.",
        ),
        None => DeliveryError::transient(
            "La conexión con el servidor de correo se cortó antes de terminar.",
        ),
    }
}

fn error_for_code(step: SmtpStep, code: u16, extendido: Option<&str>) -> DeliveryError {
    let numeros = match extendido {
        Some(extendido) => format!("{code} {extendido}"),
        None => code.to_string(),
    };
    match step {
        SmtpStep::Destinatario if no_existe(code, extendido) => DeliveryError::permanent(format!(
            "El servidor de correo dice que esa dirección no existe o no recibe ({numeros}): corríjala."
        )),
        SmtpStep::Destinatario => DeliveryError::transient(format!(
            "El servidor de correo no aceptó al destinatario ({numeros}): si se repite, revise que \
             este servidor tenga permiso para enviar."
        ))
        .for_recipient_only(),
        SmtpStep::Acceso => DeliveryError::transient(format!(
            "El servidor de correo no aceptó el usuario o la contraseña ({numeros}): revíselos."
        )),
        SmtpStep::Remitente => DeliveryError::transient(format!(
            "El servidor de correo no aceptó al remitente ({numeros}): revise el remitente y si pide \
             usuario y contraseña."
        )),
        SmtpStep::Conexion => DeliveryError::transient(format!(
            "El servidor de correo no quiso hablar ({numeros}): revise el puerto y si admite a este \
             servidor."
        )),
        SmtpStep::Mensaje => DeliveryError::transient(format!(
            "El servidor de correo no aceptó el mensaje ({numeros}): revise sus registros."
        )),
    }
}

/// Whether a refusal of a recipient is about the address, and not about who sends, what is full or
/// what is down. Extended codes (RFC 3463) say it better than plain ones.
fn no_existe(code: u16, extendido: Option<&str>) -> bool {
    match extendido {
        Some(extendido) => code >= 500 && (extendido.starts_with("5.1.") || extendido == "5.2.1"),
        None => matches!(code, 501 | 550 | 551 | 553),
    }
}

/// The extended code with which an answer begins, if it does.
fn enhanced_code(response: &str) -> Option<&str> {
    let primera = response.split_whitespace().next()?;
    let numero = |p: &str| (1..=3).contains(&p.len()) && p.bytes().all(|c| c.is_ascii_digit());
    let tres = primera.split('.').count() == 3 && primera.split('.').all(numero);
    tres.then_some(primera)
}

pub(super) fn a_destiempo() -> DeliveryError {
    DeliveryError::transient(
        "El servidor de correo no respondió a tiempo: revise que esté funcionando.",
    )
}
