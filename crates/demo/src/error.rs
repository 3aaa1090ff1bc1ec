//! Why a demo ended, as a sentence for whoever started it.

use std::{error::Error, fmt, io, net::SocketAddr, path::PathBuf};

use sigra_server::OpenError;
use sigra_store::StoreError;

#[derive(Debug)]
pub enum DemoError {
    /// The directory holds something that no demo made.
    DirectorioAjeno(PathBuf),
    /// Another demo runs in it.
    DirectorioEnUso(PathBuf),
    Directorio(PathBuf, io::Error),
    Escuchar(SocketAddr, io::Error),
    Abrir(OpenError),
    Base(StoreError),
    /// The first administrador could not be made.
    Administrador(String),
    Datos(String),
    /// No answer came.
    SinRespuesta(String, reqwest::Error),
    /// An answer that this request must not get.
    Respuesta {
        peticion: String,
        status: u16,
        detalle: String,
    },
    /// A phone could not go on.
    Telefono(String),
    /// The server ended by itself.
    Servidor(String),
    /// What the run proved wrong.
    Fracaso(Vec<String>),
    Interrumpida,
    Interno(String),
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DirectorioAjeno(d) => write!(
                f,
                "«{}» existe y no lo creó una demostración (le falta el archivo .sigra-demo), así \
                 que no se toca: elija otro con --datos",
                d.display()
            ),
            Self::DirectorioEnUso(d) => write!(
                f,
                "otra demostración está usando «{}»: deténgala o elija otro con --datos",
                d.display()
            ),
            Self::Directorio(d, e) => {
                write!(
                    f,
                    "no se pudo preparar el directorio «{}»: {e}",
                    d.display()
                )
            }
            Self::Escuchar(a, e) => write!(f, "no se pudo escuchar en {a}: {e}"),
            Self::Abrir(e) => write!(f, "no se pudo preparar la demostración: {e}"),
            Self::Base(e) => write!(f, "falló la base de datos de la demostración: {e}"),
            Self::Administrador(e) => write!(f, "no se pudo crear el primer administrador: {e}"),
            Self::Datos(e) => write!(f, "no se entienden los datos de la demostración: {e}"),
            Self::SinRespuesta(p, e) => write!(f, "el servidor no contestó a {p}: {e}"),
            Self::Respuesta {
                peticion,
                status,
                detalle,
            } => {
                write!(f, "el servidor contestó {status} a {peticion}")?;
                if detalle.is_empty() {
                    Ok(())
                } else {
                    write!(f, ": {detalle}")
                }
            }
            Self::Telefono(e) => write!(f, "un teléfono no pudo seguir: {e}"),
            Self::Servidor(e) => write!(f, "el servidor se detuvo solo: {e}"),
            Self::Fracaso(hallazgos) => {
                write!(
                    f,
                    "la demostración encontró errores: {}",
                    hallazgos.join("; ")
                )
            }
            Self::Interrumpida => f.write_str("la demostración se interrumpió antes de terminar"),
            Self::Interno(e) => write!(f, "error interno de la demostración: {e}"),
        }
    }
}

impl Error for DemoError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Directorio(_, e) | Self::Escuchar(_, e) => Some(e),
            Self::Abrir(e) => Some(e),
            Self::Base(e) => Some(e),
            Self::SinRespuesta(_, e) => Some(e),
            _ => None,
        }
    }
}

impl From<OpenError> for DemoError {
    fn from(e: OpenError) -> Self {
        Self::Abrir(e)
    }
}

impl From<StoreError> for DemoError {
    fn from(e: StoreError) -> Self {
        Self::Base(e)
    }
}

impl From<sigra_phone::Error> for DemoError {
    fn from(e: sigra_phone::Error) -> Self {
        Self::Telefono(e.to_string())
    }
}

/// A task that panicked or was cancelled.
impl From<tokio::task::JoinError> for DemoError {
    fn from(e: tokio::task::JoinError) -> Self {
        Self::Interno(e.to_string())
    }
}
