//! What a command answers on standard output.

use std::io::{self, ErrorKind, Write as _};

/// Writes `texto`. `println!` would panic when the reader (`| head`) has gone; nobody is left to
/// read then, so it counts as written.
pub(crate) fn escribe(texto: &str) -> io::Result<()> {
    let mut salida = io::stdout().lock();
    match salida
        .write_all(texto.as_bytes())
        .and_then(|()| salida.flush())
    {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        resultado => resultado,
    }
}
