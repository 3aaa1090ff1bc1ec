//! How a command ends badly: lines for the person at the console, and an exit code.

use std::{io, process::ExitCode};

use sigra_server::OpenError;
use sigra_store::StoreError;

/// Why a command could not do what it was asked to.
#[derive(Debug)]
pub(crate) struct CommandError {
    lines: Vec<String>,
    code: u8,
}

impl CommandError {
    /// Exit code 1. One sentence in Spanish that says what happened and what to do next.
    pub(crate) fn failure(line: impl Into<String>) -> Self {
        Self {
            lines: vec![line.into()],
            code: 1,
        }
    }

    /// Exit code 2: the configuration or the command line is wrong, one line for each mistake.
    pub(crate) fn config(lines: Vec<String>) -> Self {
        Self { lines, code: 2 }
    }

    /// The failure of a step, told as `contexto: causa`.
    pub(crate) fn failed(contexto: impl std::fmt::Display, cause: impl std::fmt::Display) -> Self {
        Self::failure(format!("{contexto}: {cause}"))
    }

    /// What is printed: each mistake on one line, whatever line breaks its cause came with.
    pub(crate) fn text(&self) -> String {
        let mut texto = String::new();
        for line in &self.lines {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            texto.push_str("sigra: ");
            texto.push_str(&line);
            texto.push('\n');
        }
        texto
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
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
