//! What can go wrong, by what the phone does about it.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a step did not happen. Whatever it is, nothing that waits to be sent was lost.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no se pudo usar el archivo del teléfono: {0}")]
    Disco(#[from] sqlx::Error),
    #[error("el archivo del teléfono no se entiende: {0}")]
    Dato(String),
    #[error("este teléfono no tiene el reporte {0}")]
    NoExiste(String),
    #[error("este teléfono no tiene el conflicto {0}")]
    SinConflicto(i64),
    #[error("no se pudo leer el archivo {0}")]
    Archivo(String),
    #[error("{0} no es un UUID v4 o v7")]
    Uuid(String),
    #[error("este teléfono ya tiene el reporte {0}")]
    YaExiste(String),
    #[error("la conexión HTTP no se pudo preparar: {0}")]
    Http(String),
    /// One file holds one person's queue: under another's session it would change its author.
    #[error("los reportes de este archivo son de otra persona")]
    OtraPersona,
    /// The link broke, or what came is not an answer of SIGRA. The server may have done its work.
    #[error("no llegó una respuesta: {0}")]
    SinRespuesta(String),
    /// 408, 429, 5xx, or a 400 that is not for ever: the same thing may succeed later, not before `reintentar_en`.
    #[error("el servidor pide intentar más tarde (HTTP {status})")]
    Espere {
        status: u16,
        reintentar_en: Option<Duration>,
    },
    /// Only its owner's password opens the session again; the queue waits.
    #[error("hay que entrar de nuevo; los reportes guardados no se pierden")]
    EntrarDeNuevo,
    /// The server said no to the whole request.
    #[error("{0}")]
    Problema(Box<Problema>),
}

impl From<Problema> for Error {
    fn from(problema: Problema) -> Self {
        Self::Problema(Box::new(problema))
    }
}

impl From<serde_json::Error> for Error {
    fn from(e: serde_json::Error) -> Self {
        Self::Dato(e.to_string())
    }
}

/// An RFC 9457 problem as SIGRA writes it. Its display is what the owner reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problema {
    /// HTTP; 0 when the server named none.
    #[serde(default)]
    pub status: u16,
    /// Stable; programs decide by it.
    pub codigo: String,
    /// The same thing, sent again, can't succeed.
    pub permanente: bool,
    #[serde(default)]
    pub detail: String,
    #[serde(default)]
    pub errores: Vec<FieldError>,
    /// The current report, with `version_desfasada` and `uuid_en_conflicto`.
    #[serde(default)]
    pub actual: Option<Value>,
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldError {
    pub campo: String,
    pub codigo: String,
    pub mensaje: String,
}

impl fmt::Display for Problema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detalle = if self.detail.is_empty() {
            &self.codigo
        } else {
            &self.detail
        };
        f.write_str(detalle)?;
        for e in &self.errores {
            write!(f, " {}: {}", e.campo, e.mensaje)?;
        }
        Ok(())
    }
}
