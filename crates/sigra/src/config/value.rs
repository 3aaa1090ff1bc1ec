//! How values are written, and how each is read from its text: that of a variable, or made from TOML.
//!
//! Why one is refused is the end of a Spanish sentence: what is expected, and never a secret.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use sigra_delivery::{AllowList, email::SmtpSecurity};
use sigra_domain::{Rut, Zona, rut::InvalidRut};
use toml::{Value, de::DeValue};
use tracing_subscriber::EnvFilter;
use url::Url;

use super::secret::{MASK, mask_url};

pub(super) type Parsed<T> = Result<T, String>;

/// How a value is written in TOML.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    /// A text, or a number for those who leave out the quotes.
    TextOrNumber,
    /// A text that is never shown.
    Secret,
    /// A text whose password is never shown.
    DatabaseUrl,
    Integer,
    Bool,
    /// A list of texts; commas separate them in the variable.
    List,
}

impl Kind {
    /// The value as the variable would have it, or what it must be.
    pub(super) fn to_text(self, value: &DeValue<'_>) -> Result<String, &'static str> {
        match (self, value) {
            (Self::TextOrNumber | Self::Integer, DeValue::Integer(n)) => Ok(n.to_string()),
            (Self::Integer, _) => Err("debe ser un número entero, sin comillas"),
            (Self::Bool, DeValue::Boolean(b)) => Ok(b.to_string()),
            (Self::Bool, _) => Err("debe ser true o false, sin comillas"),
            (Self::List, DeValue::Array(parts)) => {
                let parts: Option<Vec<&str>> = parts.iter().map(|p| p.get_ref().as_str()).collect();
                let parts = parts.ok_or("cada elemento de la lista debe ir entre comillas")?;
                Ok(parts.join(","))
            }
            (Self::List, _) => {
                Err("debe ser una lista como [\"10.0.0.2\"], o [] si no hay ninguno")
            }
            (_, DeValue::String(text)) => Ok(text.to_string()),
            _ => Err("debe ser un texto entre comillas"),
        }
    }

    /// The text in TOML, secrets masked.
    pub(super) fn to_toml(self, text: &str) -> String {
        match self {
            // Already checked to be what TOML writes.
            Self::Integer | Self::Bool => text.to_owned(),
            Self::Text | Self::TextOrNumber => Value::from(text).to_string(),
            Self::Secret => Value::from(MASK).to_string(),
            Self::DatabaseUrl => {
                Value::from(mask_url(text).unwrap_or_else(|| MASK.into())).to_string()
            }
            Self::List => Value::Array(parts(text).map(Value::from).collect()).to_string(),
        }
    }
}

pub(super) fn ensure(good: bool, why: &str) -> Parsed<()> {
    good.then_some(()).ok_or_else(|| why.to_owned())
}

fn parse<T: FromStr>(text: &str, why: &str) -> Parsed<T> {
    text.parse().map_err(|_| format!("«{text}» {why}"))
}

/// Of a setting that may have no value.
pub(super) fn optional<T>(parse: fn(&str) -> Parsed<T>) -> impl Fn(&str) -> Parsed<Option<T>> {
    move |text| (!text.is_empty()).then(|| parse(text)).transpose()
}

/// What commas separate in a list.
pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(',').map(str::trim);
    parts.filter(move |_| !text.is_empty())
}

pub(super) fn between<T: From<u32>>(min: u32, max: u32) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
        let n = text.parse().ok().filter(|n| (min..=max).contains(n));
        n.map(T::from)
            .ok_or_else(|| format!("«{text}» no sirve; escriba un número entero de {min} a {max}"))
    }
}

pub(super) fn boolean(text: &str) -> Parsed<bool> {
    parse(text, "no es true ni false; escriba uno de los dos")
}

/// A text without spaces.
pub(super) fn word(text: &str) -> Parsed<String> {
    let good = !text.contains(char::is_whitespace);
    ensure(good, "no puede llevar espacios").map(|()| text.to_owned())
}

/// A text of one line.
pub(super) fn line(text: &str) -> Parsed<String> {
    let good = !text.contains(char::is_control);
    ensure(good, "debe ser una sola línea").map(|()| text.to_owned())
}

/// Any text is one.
pub(super) fn path(text: &str) -> Parsed<PathBuf> {
    parse(text, "no es una ruta")
}

pub(super) fn address(text: &str) -> Parsed<SocketAddr> {
    let why = "no es una dirección IP con puerto; escriba una como 127.0.0.1:8000";
    parse(text, why)
}

pub(super) fn ip_addresses(text: &str) -> Parsed<Vec<IpAddr>> {
    let why = "no es una dirección IP; escriba, por ejemplo, 10.0.0.2";
    parts(text).map(|part| parse(part, why)).collect()
}

pub(super) fn networks(text: &str) -> Parsed<AllowList> {
    AllowList::parse(parts(text)).map_err(|e| e.to_string())
}

/// The address of a service, without a user or a password in it.
pub(super) fn http_url(text: &str) -> Parsed<String> {
    let good = Url::parse(text).is_ok_and(|u| {
        let anonymous = u.username().is_empty() && u.password().is_none();
        matches!(u.scheme(), "http" | "https") && u.has_host() && anonymous
    });
    let why = "no es una dirección; escriba una como https://servidor, sin usuario ni clave";
    ensure(good, why).map(|()| text.to_owned())
}

pub(super) fn zone(text: &str) -> Parsed<Zona> {
    let why = "no es una zona horaria; escriba un nombre IANA, como America/Santiago";
    Zona::new(text).ok_or_else(|| format!("«{text}» {why}"))
}

pub(crate) fn rut(text: &str) -> Parsed<Rut> {
    Rut::parse(text).map_err(|e| match e {
        InvalidRut::Formato => {
            format!("«{text}» no es un RUT; escríbalo como 12345678-5 o 12.345.678-5")
        }
        InvalidRut::Digito => {
            format!("el dígito verificador de «{text}» no corresponde; revise el RUT")
        }
    })
}

pub(super) fn log_filter(text: &str) -> Parsed<String> {
    // The library takes a lone unknown word for the name of a module, so that a mistyped level
    // would silence the log.
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| levels.iter().any(|l| l.eq_ignore_ascii_case(word.trim()));
    let mut parts = text.split(',');
    let good = parts.all(|part| part.contains(['=', '[']) || is_level(part))
        && EnvFilter::builder().parse(text).is_ok();
    let levels = levels.join(", ");
    let why = format!("«{text}» no es un filtro; escriba un nivel ({levels}) o módulo=nivel");
    ensure(good, &why).map(|()| text.to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Json,
    Pretty,
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "json" => Ok(LogFormat::Json),
        "pretty" => Ok(LogFormat::Pretty),
        _ => Err(format!("«{text}» no es un formato; escriba json o pretty")),
    }
}

pub(super) fn smtp_security(text: &str) -> Parsed<SmtpSecurity> {
    match text {
        "tls" => Ok(SmtpSecurity::Tls),
        "starttls" => Ok(SmtpSecurity::Starttls),
        "ninguna" => Ok(SmtpSecurity::Ninguna),
        _ => Err(format!(
            "«{text}» no sirve; escriba tls, starttls o ninguna"
        )),
    }
}
