//! The room of a batch's answer. A report may be much longer than the item that speaks of it, and an
//! answer is held in memory while a slow link takes it.

use sigra_domain::reporte::{Choque, Contenido};

use crate::{Fallo, db::json};

/// Bytes of a result besides content and files.
const RESULTADO: usize = 1_024;
/// Bytes of what is told of a file, besides its description.
const ARCHIVO: usize = 512;

/// What is left of it, in bytes.
pub(super) struct Lugar(usize);

impl Lugar {
    pub(super) fn nuevo(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Takes that much, if it is there.
    pub(super) fn toma(&mut self, bytes: usize) -> bool {
        let queda = self.0.checked_sub(bytes);
        self.0 = queda.unwrap_or(self.0);
        queda.is_some()
    }
}

/// About how many bytes it takes to tell this content and these clashes.
pub(super) fn bytes_de(contenido: &Contenido, choques: &[Choque]) -> Result<usize, Fallo> {
    let archivos = contenido.multimedia.iter().flatten().count();
    Ok(RESULTADO + archivos * ARCHIVO + json(contenido)?.len() + json(choques)?.len())
}
