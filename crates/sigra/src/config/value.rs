//! The types of settings: how each is written, read, checked and shown.
//!
//! Every value passes through text, whether it came from the file or from the environment; the
//! reasons given for a wrong one are Spanish, say what is expected and never repeat a secret.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use sigra_delivery::{AllowList, email};
use sigra_domain::{Rut, Zona, rut::InvalidRut};
use tracing_subscriber::EnvFilter;
use url::Url;

/// How a value is written in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Text,
    /// A text, or a number for those who leave out the quotes.
    TextOrNumber,
    Integer,
    Bool,
    /// A list of texts; commas separate them in the variable.
    List,
}

pub(crate) trait SettingValue: Sized {
    const KIND: ValueKind = ValueKind::Text;

    /// The value, or why it is none, as the end of a sentence about it.
    fn parse_value(text: &str) -> Result<Self, String>;

    /// What `text`, which was accepted, may look like on a screen.
    fn visible(text: &str) -> String {
        text.to_owned()
    }

    /// The value of a setting left empty, for types that have one.
    fn when_empty() -> Option<Self> {
        None
    }
}

/// The text of a newtype, if it is a good one.
fn accept(good: bool, text: &str, why: &str) -> Result<String, String> {
    good.then(|| text.to_owned()).ok_or_else(|| why.to_owned())
}

impl<T: SettingValue> SettingValue for Option<T> {
    const KIND: ValueKind = T::KIND;

    fn parse_value(text: &str) -> Result<Self, String> {
        T::parse_value(text).map(Some)
    }
    fn visible(text: &str) -> String {
        T::visible(text)
    }
    fn when_empty() -> Option<Self> {
        Some(None)
    }
}

impl SettingValue for SocketAddr {
    fn parse_value(text: &str) -> Result<Self, String> {
        let hint = "no es una dirección IP con puerto; escriba una como 127.0.0.1:8000";
        text.parse().map_err(|_| format!("«{text}» {hint}"))
    }
}

impl SettingValue for PathBuf {
    fn parse_value(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }
}

impl SettingValue for Zona {
    fn parse_value(text: &str) -> Result<Self, String> {
        let hint = "no es una zona horaria; escriba un nombre IANA, como America/Santiago";
        Self::new(text).ok_or_else(|| format!("«{text}» {hint}"))
    }
}

impl SettingValue for bool {
    const KIND: ValueKind = ValueKind::Bool;

    fn parse_value(text: &str) -> Result<Self, String> {
        let hint = "no es true ni false; escriba uno de los dos";
        text.parse().map_err(|_| format!("«{text}» {hint}"))
    }
}

impl SettingValue for Rut {
    const KIND: ValueKind = ValueKind::TextOrNumber;

    fn parse_value(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|e| match e {
            InvalidRut::Formato => {
                format!("«{text}» no es un RUT; escríbalo como 12345678-5 o 12.345.678-5")
            }
            InvalidRut::Digito => {
                format!("el dígito verificador de «{text}» no corresponde; revise el RUT")
            }
        })
    }
}

impl SettingValue for Vec<IpAddr> {
    const KIND: ValueKind = ValueKind::List;

    fn parse_value(text: &str) -> Result<Self, String> {
        let hint = "no es una dirección IP; escriba, por ejemplo, 10.0.0.2";
        let parts = text.split(',').map(str::trim);
        parts
            .map(|part| part.parse().map_err(|_| format!("«{part}» {hint}")))
            .collect()
    }
    fn when_empty() -> Option<Self> {
        Some(vec![])
    }
}

/// An integer from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounded<const MIN: u32, const MAX: u32>(pub(crate) u32);

impl<const MIN: u32, const MAX: u32> SettingValue for Bounded<MIN, MAX> {
    const KIND: ValueKind = ValueKind::Integer;

    fn parse_value(text: &str) -> Result<Self, String> {
        let n = text.parse().ok().filter(|n| (MIN..=MAX).contains(n));
        n.map(Self)
            .ok_or_else(|| format!("«{text}» no sirve; escriba un número entero de {MIN} a {MAX}"))
    }
}

/// A text without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WordValue(pub(crate) String);

impl SettingValue for WordValue {
    fn parse_value(text: &str) -> Result<Self, String> {
        let good = !text.contains(char::is_whitespace);
        accept(good, text, "no puede llevar espacios").map(Self)
    }
}

/// A text of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineValue(pub(crate) String);

impl SettingValue for LineValue {
    fn parse_value(text: &str) -> Result<Self, String> {
        let good = !text.contains(char::is_control);
        accept(good, text, "debe ser una sola línea").map(Self)
    }
}

/// The address of a service, without a user or a password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl(pub(crate) String);

impl SettingValue for HttpUrl {
    fn parse_value(text: &str) -> Result<Self, String> {
        let good = Url::parse(text).is_ok_and(|u| {
            let anonymous = u.username().is_empty() && u.password().is_none();
            matches!(u.scheme(), "http" | "https") && u.has_host() && anonymous
        });
        let why = "no es una dirección; escriba una como https://servidor, sin usuario ni clave";
        accept(good, text, why).map(Self)
    }
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SmtpSecurity(pub(crate) email::SmtpSecurity);

impl SettingValue for SmtpSecurity {
    fn parse_value(text: &str) -> Result<Self, String> {
        Ok(Self(match text {
            "tls" => email::SmtpSecurity::Tls,
            "starttls" => email::SmtpSecurity::Starttls,
            "ninguna" => email::SmtpSecurity::Ninguna,
            _ => Err(format!(
                "«{text}» no sirve; escriba tls, starttls o ninguna"
            ))?,
        }))
    }
}

/// Networks inside that may be written to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks(pub(crate) AllowList);

impl SettingValue for Networks {
    const KIND: ValueKind = ValueKind::List;

    fn parse_value(text: &str) -> Result<Self, String> {
        let networks = AllowList::parse(text.split(','));
        networks.map(Self).map_err(|e| e.to_string())
    }
    fn when_empty() -> Option<Self> {
        Some(Self::default())
    }
}

/// A filter of the log, as `tracing_subscriber` reads it.
#[derive(Clone, Debug)]
pub(crate) struct LogFilter(pub(crate) String);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl SettingValue for LogFilter {
    fn parse_value(text: &str) -> Result<Self, String> {
        // The library takes a lone unknown word for the name of a module, so that a mistyped level
        // would silence the log.
        let is_level = |word: &str| LEVELS.iter().any(|l| l.eq_ignore_ascii_case(word));
        let mut parts = text.split(',');
        let good = parts.all(|p| p.contains(['=', '[']) || is_level(p.trim()))
            && EnvFilter::builder().parse(text).is_ok();
        let levels = LEVELS.join(", ");
        let why = format!("«{text}» no es un filtro; escriba un nivel ({levels}) o módulo=nivel");
        accept(good, text, &why).map(Self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Json,
    Pretty,
}

impl SettingValue for LogFormat {
    fn parse_value(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(format!("«{text}» no es un formato; escriba json o pretty")),
        }
    }
}
