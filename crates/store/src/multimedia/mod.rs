//! Files' bytes: uploads on their way, the objects they become, and the reports that adopt them. Here
//! are only the rows; who moves the bytes writes them first and then tells it here.

mod adoptar;
mod barrer;
mod cambio;
mod directo;
mod eliminar;
mod objetos;
mod piezas;
mod servir;
mod subidas;
mod terminar;
mod vistas;

pub use adoptar::{Adoptar, atrasadas, en_espera};
pub use barrer::{QuitarVencida, SoltarObjeto, sin_uso, vencidas};
pub use directo::{Directo, RecibirDirecto};
pub use eliminar::EliminarArchivo;
pub use objetos::{AnotarClave, Objeto, OlvidarClave, basura, objeto, objetos_desde, sin_objeto};
pub use piezas::{AgregarPieza, Pieza};
pub use servir::{Servible, servible};
pub use subidas::{Anuncio, CrearSubida, QuitarSubida, Subida, TomarTurno, carpeta};
pub use terminar::{Desenlace, TerminarSubida};
pub use vistas::{Copia, DevolverVistas, GuardarVistas, ReclamarVistas};

use crate::{DeFallo, Fallo};

/// Why something about a file is refused. Nothing was written.
#[derive(Debug)]
pub enum RechazoSubida {
    /// No such upload, or somebody else's.
    NoEncontrada,
    /// Somebody went on with it meanwhile: what this one had was not kept.
    TurnoPerdido,
    /// The uuid is that of a file with other bytes.
    ArchivoDistinto,
    /// An administrador took the file away.
    Eliminado,
    /// The report was withdrawn.
    Retirado,
    /// They may see the report, and not do this.
    SinPermiso,
    /// The report was decided: its manifest does not grow.
    Decidido,
    /// A report has so many files and no more.
    DemasiadosArchivos,
    /// So many uploads may be open at once.
    MuchasAbiertas,
    /// So many bytes may wait at once.
    MuchosBytes,
    Fallo(Fallo),
}

impl From<Fallo> for RechazoSubida {
    fn from(f: Fallo) -> Self {
        Self::Fallo(f)
    }
}

impl From<sqlx::Error> for RechazoSubida {
    fn from(e: sqlx::Error) -> Self {
        Self::Fallo(e.into())
    }
}

impl DeFallo for RechazoSubida {
    fn fallo(&self) -> Option<&Fallo> {
        match self {
            Self::Fallo(f) => Some(f),
            _ => None,
        }
    }
}
