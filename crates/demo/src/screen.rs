//! What the person who started the demo sees while it runs.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

/// One line beside the results. Nobody listening is no reason to stop, as `eprintln!` would.
pub(super) fn print_notice(texto: &str) {
    let _ = writeln!(io::stderr(), "{texto}");
}

/// The results.
pub(super) fn show(texto: &str) {
    let _ = writeln!(io::stdout(), "{texto}");
}

/// The progress of one stage: a bar on a terminal, one line elsewhere (a log).
#[derive(Clone)]
pub(super) struct StageProgress(ProgressBar);

impl StageProgress {
    pub(super) fn new(texto: &'static str, pasos: usize) -> Self {
        let pasos = u64::try_from(pasos).unwrap_or(u64::MAX);
        if !io::stderr().is_terminal() {
            print_notice(&format!("{texto} ({pasos})"));
            return Self(ProgressBar::hidden());
        }
        let barra = ProgressBar::new(pasos);
        let plantilla = "{msg:34} {bar:40.cyan} {pos:>4}/{len} {elapsed:>4}";
        if let Ok(estilo) = ProgressStyle::with_template(plantilla) {
            barra.set_style(estilo.progress_chars("━╸ "));
        }
        barra.set_message(texto);
        Self(barra)
    }

    pub(super) fn advance(&self) {
        self.0.inc(1);
    }

    pub(super) fn set_position(&self, pasos: i64) {
        self.0.set_position(u64::try_from(pasos).unwrap_or(0));
    }

    /// Leaves the bar on the screen as it ended.
    pub(super) fn finish(&self) {
        self.0.abandon();
    }
}
