//! E-mail: over SMTP, or into a folder where there is no server to give it to.

mod mensaje;
#[cfg(test)]
mod pruebas;
mod rechazo;
#[cfg(test)]
pub(crate) mod servidor;
mod smtp;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use lettre::message::Mailbox;

use self::smtp::Smtp;
use crate::Fallo;

pub use mensaje::Mensaje;
pub use smtp::{OpcionesSmtp, PLAZO, Seguridad};

/// The way of the mail out of here.
pub struct Correo {
    remitente: Mailbox,
    via: Via,
}

enum Via {
    Smtp(Box<Smtp>),
    Carpeta(PathBuf),
}

impl Correo {
    /// Nothing is asked of the server yet. What is wrong with the options is permanent.
    pub fn smtp(opciones: &OpcionesSmtp) -> Result<Self, Fallo> {
        let remitente = mensaje::remitente(&opciones.remitente)?;
        let smtp = Smtp::nuevo(opciones, remitente.email.domain())?;
        Ok(Self {
            remitente,
            via: Via::Smtp(Box::new(smtp)),
        })
    }

    /// Each message becomes a file, `<id>.eml`, in a folder that is made if it is not there.
    pub fn carpeta(carpeta: &Path, remitente: &str) -> Result<Self, Fallo> {
        let remitente = mensaje::remitente(remitente)?;
        std::fs::create_dir_all(carpeta).map_err(|e| de_carpeta(&e))?;
        Ok(Self {
            remitente,
            via: Via::Carpeta(carpeta.to_owned()),
        })
    }

    /// It is delivered when the server has taken it, or the file is written. If the answer is lost it
    /// may arrive twice, with the same Message-ID.
    pub async fn envia(&self, mensaje: &Mensaje<'_>) -> Result<(), Fallo> {
        let para = mensaje.direccion()?;
        let bytes = mensaje.bytes(&self.remitente, &para)?;
        match &self.via {
            Via::Smtp(smtp) => smtp.entrega(&self.remitente.email, &para, &bytes).await,
            // The id was checked: it is no path. A repeat writes the same file.
            Via::Carpeta(carpeta) => tokio::fs::write(carpeta.join(nombre(mensaje.id)), bytes)
                .await
                .map_err(|e| de_carpeta(&e)),
        }
    }
}

fn nombre(id: &str) -> String {
    format!("{id}.eml")
}

fn de_carpeta(e: &std::io::Error) -> Fallo {
    Fallo::pasajero(format!(
        "No se pudo escribir en la carpeta de correo ({}): revise que exista, sus permisos y el \
         espacio en disco.",
        e.kind()
    ))
}

impl fmt::Debug for Correo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Correo").finish_non_exhaustive()
    }
}
