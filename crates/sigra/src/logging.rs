//! The server's log, on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::{
    config::{Config, LogFormat},
    error::CommandError,
};

/// Starts the log; once per process.
pub(crate) fn init(config: &Config) -> Result<(), CommandError> {
    let filtro = EnvFilter::try_new(&config.log)
        .map_err(|e| CommandError::failed("el filtro del registro (log) no se entiende", e))?;
    let registro = tracing_subscriber::fmt()
        .with_env_filter(filtro)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let iniciado = match config.log_format {
        // Flat, so that `direccion` is a key of the line and not one level down.
        LogFormat::Json => registro.json().flatten_event(true).try_init(),
        LogFormat::Pretty => registro.try_init(),
    };
    iniciado.map_err(|e| CommandError::failed("no se pudo iniciar el registro", e))
}
