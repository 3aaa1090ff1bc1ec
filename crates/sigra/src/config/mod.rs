//! The configuration: read from defaults, `sigra.toml` and the environment, all checked at start.
//!
//! Everything wrong is told at once, each with its name, where it came from and why, in Spanish. The
//! `config` crate merges such sources too, but once merged it can't tell where a wrong value stood, and
//! its messages are English; so the `toml` crate reads the file and the rest is here.
//!
//! To add a setting, add its entry to `settings.rs`.

mod check;
mod print;
mod secret;
mod server;
mod settings;
mod sources;
#[cfg(test)]
pub(crate) mod tests;
mod value;

pub(crate) use secret::Password;
pub(crate) use settings::Config;
use sources::RawSettings;
pub(crate) use sources::SettingSources;
pub(crate) use value::{LogFormat, SettingValue};

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

    /// A complete `sigra.toml` with these values; secrets masked.
    pub(crate) fn print(&self) -> String {
        print::print(&self.raw)
    }
}

/// How S3 is reached.
#[derive(Debug)]
pub(crate) struct S3<'a> {
    pub(crate) url: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) clave_id: &'a str,
    pub(crate) clave_secreta: &'a Password,
}

impl Config {
    /// `None` when files are kept in a directory.
    pub(crate) fn s3(&self) -> Option<S3<'_>> {
        Some(S3 {
            url: &self.s3_url.as_ref()?.0,
            bucket: &self.s3_bucket.as_ref()?.0,
            clave_id: &self.s3_clave_id.as_ref()?.0,
            clave_secreta: self.s3_clave_secreta.as_ref()?,
        })
    }
}
