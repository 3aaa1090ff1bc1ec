//! The configuration: read from defaults, `sigra.toml` and the environment, all checked at start.
//!
//! Everything wrong is told at once, each with its name, where it came from and why, in Spanish. The
//! `config` crate merges such sources too, but once merged it can't tell where a wrong value stood, and
//! its messages are English; so the `toml` crate reads the file and the rest is here.
//!
//! To add a setting, add its entry to `settings.rs`.

mod file;
mod print;
mod secret;
mod server;
mod settings;
mod sources;
#[cfg(test)]
pub(crate) mod tests;
mod value;

use sigra_domain::{Language, password};

pub(crate) use secret::Password;
pub(crate) use settings::Config;
use sources::ParsedSettings;
pub(crate) use sources::SettingSources;
pub(crate) use value::{LogFormat, SettingValue};

use crate::error::CommandError;

/// The configuration and where each value came from.
#[derive(Debug)]
pub(crate) struct LoadedConfig {
    pub(crate) config: Config,
    lectura: ParsedSettings,
}

impl LoadedConfig {
    pub(crate) fn load(fuentes: &SettingSources) -> Result<Self, CommandError> {
        let mut lectura = ParsedSettings::new(fuentes);
        let config = Config::build(&mut lectura);
        if let Some(config) = &config {
            check_administrador(config, &mut lectura);
            check_s3(config, &mut lectura);
            check_email(config, &mut lectura);
        }
        match config {
            Some(config) if lectura.errores.is_empty() => Ok(Self { config, lectura }),
            _ => Err(CommandError::config(lectura.errores)),
        }
    }

    /// A complete `sigra.toml` with these values; secrets masked.
    pub(crate) fn print(&self) -> String {
        print::print(&self.lectura)
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

/// S3 needs all four: with three, files would go to a directory that nobody expects.
fn check_s3(config: &Config, lectura: &mut ParsedSettings) {
    let puestos = [
        ("s3_url", config.s3_url.is_some()),
        ("s3_bucket", config.s3_bucket.is_some()),
        ("s3_clave_id", config.s3_clave_id.is_some()),
        ("s3_clave_secreta", config.s3_clave_secreta.is_some()),
    ];
    let faltan = puestos.iter().filter(|(_, puesto)| !puesto);
    let faltan: Vec<&str> = faltan.map(|(nombre, _)| *nombre).collect();
    let publica = [("s3_url_publica", config.s3_url_publica.is_some())];
    let puesto = puestos.iter().chain(&publica).find(|(_, puesto)| *puesto);
    let (Some((nombre, _)), false) = (puesto, faltan.is_empty() || lectura.archivo_ilegible) else {
        return;
    };
    let motivo = format!(
        "falta {}; indique los cuatro, o no use S3",
        faltan.join(", ")
    );
    if let Some(origen) = lectura.raw(nombre).map(|c| c.origen.clone()) {
        lectura.error(nombre, &origen, &motivo);
    }
}

/// What of the mail goes only with something else.
fn check_email(config: &Config, lectura: &mut ParsedSettings) {
    let puestos = [
        ("smtp_servidor", config.smtp_servidor.is_some()),
        ("correo_carpeta", config.correo_carpeta.is_some()),
        ("smtp_usuario", config.smtp_usuario.is_some()),
        ("smtp_clave", config.smtp_clave.is_some()),
        ("correo_remitente", config.correo_remitente.is_some()),
    ];
    let esta = |nombre| puestos.contains(&(nombre, true));
    let a_medias = lectura.archivo_ilegible;
    let mut falla = |nombre: &str, motivo: &str| {
        if let Some(origen) = lectura.raw(nombre).map(|c| c.origen.clone()) {
            lectura.error(nombre, &origen, motivo);
        }
    };
    if esta("smtp_servidor") && esta("correo_carpeta") {
        falla(
            "correo_carpeta",
            "o se envían a smtp_servidor o se dejan en la carpeta; indique uno",
        );
    }
    // The other half may stand in the file that could not be read.
    let juntos = [
        ("smtp_servidor", "correo_remitente"),
        ("correo_carpeta", "correo_remitente"),
        ("smtp_usuario", "smtp_clave"),
        ("smtp_clave", "smtp_usuario"),
        ("smtp_usuario", "smtp_servidor"),
    ];
    if esta("correo_remitente") && !esta("smtp_servidor") && !esta("correo_carpeta") && !a_medias {
        let falta = "falta smtp_servidor o correo_carpeta; sin uno de ellos no se envía nada";
        falla("correo_remitente", falta);
    }
    // What the mail library would say when the server starts.
    if esta("smtp_servidor")
        && let Some(Err(e)) = config.email().map(|email| email.open())
    {
        falla("smtp_servidor", &e.to_string());
    }
    for (nombre, con) in juntos {
        if esta(nombre) && !esta(con) && !a_medias {
            falla(nombre, &format!("falta {con}; indique los dos"));
        }
    }
}

/// The first administrador needs both a RUT and a password, and the password must be one that the
/// panel would take too.
fn check_administrador(config: &Config, lectura: &mut ParsedSettings) {
    let (nombre, motivo) = match (&config.admin_rut, &config.admin_password) {
        (Some(rut), Some(password)) => match password::validate(&password.0, *rut) {
            Ok(()) => return,
            Err(falla) => ("admin_password", falla.message(Language::Es)),
        },
        // The other half may stand in the file that could not be read.
        _ if lectura.archivo_ilegible => return,
        (Some(_), None) => (
            "admin_rut",
            "falta admin_password; indique los dos o ninguno".into(),
        ),
        (None, Some(_)) => (
            "admin_password",
            "falta admin_rut; indique los dos o ninguno".into(),
        ),
        (None, None) => return,
    };
    if let Some(origen) = lectura.raw(nombre).map(|c| c.origen.clone()) {
        lectura.error(nombre, &origen, &motivo);
    }
}
