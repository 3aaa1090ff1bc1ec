//! `sigra config check` and `sigra config print`.

use crate::{
    config::{LoadedConfig, SettingSources},
    error::CommandError,
    output,
};

pub(crate) fn check(sources: &SettingSources) -> Result<(), CommandError> {
    LoadedConfig::load(sources)?;
    Ok(output::write("La configuración es válida.\n")?)
}

pub(crate) fn print(sources: &SettingSources) -> Result<(), CommandError> {
    let loaded = LoadedConfig::load(sources)?;
    Ok(output::write(&loaded.print())?)
}
