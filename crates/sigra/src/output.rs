//! What a command answers on standard output, and shows meanwhile.

use std::io::{self, ErrorKind, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

/// The progress of a long command, in a template of indicatif. On standard error, so that the answer can
/// be kept in a file; indicatif hides it where nobody watches.
pub(crate) fn progress_bar(plantilla: &str, total: i64) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or_default());
    if let Ok(estilo) = ProgressStyle::with_template(plantilla) {
        bar.set_style(estilo);
    }
    bar
}

/// Writes `text`. `println!` would panic when the reader (`| head`) has gone; nobody is left to
/// read then, so it counts as written.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut salida = io::stdout().lock();
    match salida
        .write_all(text.as_bytes())
        .and_then(|()| salida.flush())
    {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
