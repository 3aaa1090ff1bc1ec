//! `sigra config check` and `sigra config print`.

use crate::{
    config::{LoadedConfig, SettingSources},
    error::CommandError,
    output,
};

pub(crate) fn check(fuentes: &SettingSources) -> Result<(), CommandError> {
    LoadedConfig::load(fuentes)?;
    Ok(output::write("La configuración es válida.\n")?)
}

pub(crate) fn print(fuentes: &SettingSources) -> Result<(), CommandError> {
    let leida = LoadedConfig::load(fuentes)?;
    Ok(output::write(&leida.print())?)
}
