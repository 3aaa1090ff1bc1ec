//! How a command ends badly: lines for the person at the console, and an exit code.

use std::{io, process::ExitCode};

use sigra_server::OpenError;
use sigra_store::StoreError;

/// Why a command could not do what it was asked to.
#[derive(Debug)]
pub(crate) struct CommandError {
    lineas: Vec<String>,
    codigo: u8,
}

impl CommandError {
    /// Exit code 1. One sentence in Spanish that says what happened and what to do next.
    pub(crate) fn failure(linea: impl Into<String>) -> Self {
        Self {
            lineas: vec![linea.into()],
            codigo: 1,
        }
    }

    /// Exit code 2: the configuration or the command line is wrong, one line for each mistake.
    pub(crate) fn config(lineas: Vec<String>) -> Self {
        Self { lineas, codigo: 2 }
    }

    /// The failure of a step, told as `contexto: causa`.
    pub(crate) fn failed(contexto: impl std::fmt::Display, causa: impl std::fmt::Display) -> Self {
        Self::failure(format!("{contexto}: {causa}"))
    }

    /// What is printed: each mistake on one line, whatever line breaks its cause came with.
    pub(crate) fn text(&self) -> String {
        let mut texto = String::new();
        for linea in &self.lineas {
            let linea = linea.split_whitespace().collect::<Vec<_>>().join(" ");
            texto.push_str("sigra: ");
            texto.push_str(&linea);
            texto.push('\n');
        }
        texto
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.codigo)
    }
}

impl From<StoreError> for CommandError {
    fn from(f: StoreError) -> Self {
        Self::failure(f.to_string())
    }
}

impl From<OpenError> for CommandError {
    fn from(e: OpenError) -> Self {
        Self::failure(e.to_string())
    }
}

impl From<io::Error> for CommandError {
    fn from(e: io::Error) -> Self {
        Self::failure(e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::CommandError;

    #[test]
    fn every_mistake_is_one_line() {
        let e = CommandError::config(vec!["uno".into(), "dos\n  tres".into()]);
        assert_eq!(e.text(), "sigra: uno\nsigra: dos tres\n");
    }
}
