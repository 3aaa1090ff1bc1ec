//! The configuration: read from defaults, `sigra.toml` and the environment, all checked at start.
//!
//! Everything wrong is told at once, each with its name, where it came from and why, in Spanish. The
//! `config` crate merges such sources too, but once merged it can't tell where a wrong value stood, and
//! its messages are English; so the `toml` crate reads the file and the rest is here.
//!
//! To add a setting, add its entry to `settings.rs`.

mod check;
mod secret;
mod server;
mod settings;
mod sources;
#[cfg(test)]
pub(crate) mod tests;
mod value;

pub(crate) use settings::Config;
use settings::{SETTINGS, Setting};
use sources::RawSettings;
pub(crate) use sources::SettingSources;
pub(crate) use value::{LogFormat, rut};

use toml::Value;

use crate::error::CommandError;

/// The configuration and where each value came from.
#[derive(Debug)]
pub(crate) struct LoadedConfig {
    pub(crate) config: Config,
    raw: RawSettings,
}

impl LoadedConfig {
    pub(crate) fn load(sources: &SettingSources) -> Result<Self, CommandError> {
        let mut raw = RawSettings::read(sources);
        let config = Config::build(&mut raw);
        if let Some(config) = &config {
            check::check(config, &mut raw);
        }
        match config {
            Some(config) if raw.errors.is_empty() => Ok(Self { config, raw }),
            _ => Err(CommandError::config(raw.errors)),
        }
    }

    /// A complete `sigra.toml` that explains itself; secrets masked.
    pub(crate) fn print(&self) -> String {
        let file = self.raw.file.as_ref().map_or_else(
            || "No se leyó ningún archivo".to_owned(),
            |file| format!("Archivo leído: {}", file.display()),
        );
        let header = format!(
            "# Configuración de SIGRA (sigra.toml). {file}.\n\
             # Cada ajuste tiene también una variable de entorno, que vale más que este archivo.\n"
        );
        let settings = SETTINGS.iter().map(|setting| self.print_setting(setting));
        [header].into_iter().chain(settings).collect()
    }

    fn print_setting(&self, setting: &Setting) -> String {
        let (value, source) = self.raw.get(setting.name);
        // A setting without a value is a comment with an example.
        let (mark, value) = match value {
            "" if !setting.example.is_empty() => ("# ", Value::from(setting.example).to_string()),
            _ => ("", setting.kind.to_toml(value)),
        };
        let (doc, name, variable) = (setting.doc.join("\n#"), setting.name, setting.variable());
        format!("\n#{doc}\n# Variable: {variable}. Origen: {source}.\n{mark}{name} = {value}\n")
    }
}
