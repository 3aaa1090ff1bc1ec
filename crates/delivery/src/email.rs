//! E-mail: over SMTP, or into a folder where there is no server to give it to.

mod message;
mod refusal;
mod smtp;
#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use lettre::message::Mailbox;

use self::smtp::Smtp;
use crate::DeliveryError;

pub use message::EmailMessage;
pub use smtp::{SmtpOptions, SmtpSecurity, TIMEOUT};

/// The way of the mail out of here.
pub struct Mailer {
    remitente: Mailbox,
    via: Transport,
}

enum Transport {
    Smtp(Box<Smtp>),
    Carpeta(PathBuf),
}

impl Mailer {
    /// Nothing is asked of the server yet. What is wrong with the options is permanent.
    pub fn smtp(options: &SmtpOptions) -> Result<Self, DeliveryError> {
        let remitente = message::parse_sender(&options.remitente)?;
        let smtp = Smtp::new(options, remitente.email.domain())?;
        Ok(Self {
            remitente,
            via: Transport::Smtp(Box::new(smtp)),
        })
    }

    /// Each message becomes a file, `<id>.eml`, in a folder that is made if it is not there.
    pub fn folder(carpeta: &Path, remitente: &str) -> Result<Self, DeliveryError> {
        let remitente = message::parse_sender(remitente)?;
        std::fs::create_dir_all(carpeta).map_err(|e| folder_error(&e))?;
        Ok(Self {
            remitente,
            via: Transport::Carpeta(carpeta.to_owned()),
        })
    }

    /// It is delivered when the server has taken it, or the file is written. If the answer is lost it
    /// may arrive twice, with the same Message-ID.
    pub async fn send(&self, mensaje: &EmailMessage<'_>) -> Result<(), DeliveryError> {
        let para = mensaje.address()?;
        let bytes = mensaje.bytes(&self.remitente, &para)?;
        match &self.via {
            Transport::Smtp(smtp) => smtp.deliver(&self.remitente.email, &para, &bytes).await,
            // The id was checked: it is no path. A repeat writes the same file.
            Transport::Carpeta(carpeta) => {
                tokio::fs::write(carpeta.join(file_name(mensaje.id)), bytes)
                    .await
                    .map_err(|e| folder_error(&e))
            }
        }
    }
}

fn file_name(id: &str) -> String {
    format!("{id}.eml")
}

fn folder_error(e: &std::io::Error) -> DeliveryError {
    DeliveryError::transient(format!(
        "No se pudo escribir en la carpeta de correo ({}): revise que exista, sus permisos y el \
         espacio en disco.",
        e.kind()
    ))
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Correo").finish_non_exhaustive()
    }
}
