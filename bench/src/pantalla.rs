//! What the person who started it sees while it measures.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
};

use indicatif::{ProgressBar, ProgressStyle};

/// One line beside the results. Nobody listening is no reason to stop, as `eprintln!` would.
pub fn aviso(texto: impl Display) {
    writeln!(io::stderr(), "{texto}").ok();
}

/// The results.
pub fn muestra(texto: impl Display) {
    writeln!(io::stdout(), "{texto}").ok();
}

/// The progress of one stage: a bar on a terminal, one line elsewhere (a log).
#[derive(Clone)]
pub struct Etapa(ProgressBar);

impl Etapa {
    pub fn nueva(texto: String, pasos: u64) -> Self {
        if !io::stderr().is_terminal() {
            aviso(texto);
            return Self(ProgressBar::hidden());
        }
        let barra = ProgressBar::new(pasos);
        if let Ok(estilo) =
            ProgressStyle::with_template("{msg:58} {bar:30.cyan} {pos:>6}/{len} {elapsed:>4}")
        {
            barra.set_style(estilo.progress_chars("━╸ "));
        }
        barra.set_message(texto);
        // Drawn by whoever moves it: a thread of its own would take time from what is measured.
        barra.tick();
        Self(barra)
    }

    pub fn avanza(&self) {
        self.0.inc(1);
    }

    pub fn va_en(&self, pasos: i64) {
        self.0.set_position(u64::try_from(pasos).unwrap_or(0));
    }

    /// Leaves the bar on the screen as it ended.
    pub fn termina(&self) {
        self.0.abandon();
    }
}
