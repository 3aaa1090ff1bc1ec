//! The types of settings: how each is written, read, checked and shown.
//!
//! Every value passes through text, whether it came from the file or from the environment; the
//! reasons given for a wrong one are Spanish, say what is expected and never repeat a secret.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use sigra_delivery::AllowList;
use sigra_domain::{Rut, Zona, rut::InvalidRut};
use tracing_subscriber::EnvFilter;
use url::Url;

use super::secret::MASK;

/// How a value is written in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Texto,
    /// A text, or a number for those who leave out the quotes.
    TextoONumero,
    Entero,
    Logico,
    /// A list of texts; commas separate them in the variable.
    Lista,
}

pub(crate) trait SettingValue: Sized {
    const KIND: ValueKind = ValueKind::Texto;

    /// The value, or why it is none, as the end of a sentence about it.
    fn parse_value(texto: &str) -> Result<Self, String>;

    /// What `texto` may look like on a screen.
    fn visible(texto: &str) -> String {
        texto.to_owned()
    }

    /// The value of a setting left empty, for types that have one.
    fn when_empty() -> Option<Self> {
        None
    }
}

impl<T: SettingValue> SettingValue for Option<T> {
    const KIND: ValueKind = T::KIND;

    fn parse_value(texto: &str) -> Result<Self, String> {
        T::parse_value(texto).map(Some)
    }
    fn visible(texto: &str) -> String {
        T::visible(texto)
    }
    fn when_empty() -> Option<Self> {
        Some(None)
    }
}

impl SettingValue for SocketAddr {
    fn parse_value(texto: &str) -> Result<Self, String> {
        texto.parse().map_err(|_| {
            format!("«{texto}» no es una dirección IP con puerto; escriba una como 127.0.0.1:8000")
        })
    }
}

impl SettingValue for PathBuf {
    fn parse_value(texto: &str) -> Result<Self, String> {
        Ok(texto.into())
    }
}

impl SettingValue for Zona {
    fn parse_value(texto: &str) -> Result<Self, String> {
        Self::new(texto).ok_or_else(|| {
            format!(
                "«{texto}» no es una zona horaria; escriba un nombre IANA, como America/Santiago"
            )
        })
    }
}

impl SettingValue for bool {
    const KIND: ValueKind = ValueKind::Logico;

    fn parse_value(texto: &str) -> Result<Self, String> {
        texto
            .parse()
            .map_err(|_| format!("«{texto}» no es true ni false; escriba uno de los dos"))
    }
}

impl SettingValue for Rut {
    const KIND: ValueKind = ValueKind::TextoONumero;

    fn parse_value(texto: &str) -> Result<Self, String> {
        Self::parse(texto).map_err(|e| match e {
            InvalidRut::Formato => {
                format!("«{texto}» no es un RUT; escríbalo como 12345678-5 o 12.345.678-5")
            }
            InvalidRut::Digito => {
                format!("el dígito verificador de «{texto}» no corresponde; revise el RUT")
            }
        })
    }
}

impl SettingValue for Vec<IpAddr> {
    const KIND: ValueKind = ValueKind::Lista;

    fn parse_value(texto: &str) -> Result<Self, String> {
        let direccion = |parte: &str| {
            let parte = parte.trim();
            parte.parse().map_err(|_| {
                format!("«{parte}» no es una dirección IP; escriba, por ejemplo, 10.0.0.2")
            })
        };
        texto.split(',').map(direccion).collect()
    }
    fn when_empty() -> Option<Self> {
        Some(vec![])
    }
}

/// An integer from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounded<const MIN: u32, const MAX: u32>(pub(crate) u32);

impl<const MIN: u32, const MAX: u32> SettingValue for Bounded<MIN, MAX> {
    const KIND: ValueKind = ValueKind::Entero;

    fn parse_value(texto: &str) -> Result<Self, String> {
        let n = texto.parse().ok().filter(|n| (MIN..=MAX).contains(n));
        n.map(Self)
            .ok_or_else(|| format!("«{texto}» no sirve; escriba un número entero de {MIN} a {MAX}"))
    }
}

/// A text without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WordValue(pub(crate) String);

impl SettingValue for WordValue {
    fn parse_value(texto: &str) -> Result<Self, String> {
        if texto.contains(char::is_whitespace) {
            Err("no puede llevar espacios".to_owned())
        } else {
            Ok(Self(texto.to_owned()))
        }
    }
}

/// A text of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineValue(pub(crate) String);

impl SettingValue for LineValue {
    fn parse_value(texto: &str) -> Result<Self, String> {
        if texto.contains(char::is_control) {
            Err("debe ser una sola línea".to_owned())
        } else {
            Ok(Self(texto.to_owned()))
        }
    }
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SmtpSecurity(pub(crate) sigra_delivery::email::SmtpSecurity);

impl SettingValue for SmtpSecurity {
    fn parse_value(texto: &str) -> Result<Self, String> {
        use sigra_delivery::email::SmtpSecurity as S;
        match texto {
            "tls" => Ok(Self(S::Tls)),
            "starttls" => Ok(Self(S::Starttls)),
            "ninguna" => Ok(Self(S::Ninguna)),
            _ => Err(format!(
                "«{texto}» no sirve; escriba tls, starttls o ninguna"
            )),
        }
    }
}

/// Networks inside that may be written to.
#[derive(Clone, Debug)]
pub(crate) struct Networks(pub(crate) AllowList);

impl SettingValue for Networks {
    const KIND: ValueKind = ValueKind::Lista;

    fn parse_value(texto: &str) -> Result<Self, String> {
        let redes = texto.split(',').map(str::trim);
        AllowList::parse(redes).map(Self).map_err(|e| e.to_string())
    }
    fn when_empty() -> Option<Self> {
        AllowList::parse([""; 0]).ok().map(Self)
    }
}

/// The address of a service, without a user or a password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl(pub(crate) String);

impl SettingValue for HttpUrl {
    fn parse_value(texto: &str) -> Result<Self, String> {
        let buena = Url::parse(texto).is_ok_and(|u| {
            let sin_clave = u.username().is_empty() && u.password().is_none();
            matches!(u.scheme(), "http" | "https") && u.has_host() && sin_clave
        });
        buena.then(|| Self(texto.to_owned())).ok_or_else(|| {
            "no es una dirección; escriba una como https://servidor, sin usuario ni clave"
                .to_owned()
        })
    }
    /// What is no such address may hold a password.
    fn visible(texto: &str) -> String {
        Self::parse_value(texto).map_or_else(|_| MASK.to_owned(), |url| url.0)
    }
}

/// A filter of the log, as `tracing_subscriber` reads it.
#[derive(Clone, Debug)]
pub(crate) struct LogFilter(pub(crate) String);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl SettingValue for LogFilter {
    fn parse_value(texto: &str) -> Result<Self, String> {
        // The library takes a lone unknown word for the name of a module, so that a mistyped level
        // would silence the log.
        let nivel = |parte: &str| {
            parte.contains(['=', '['])
                || LEVELS.iter().any(|n| n.eq_ignore_ascii_case(parte.trim()))
        };
        let bueno = texto.split(',').all(nivel) && EnvFilter::builder().parse(texto).is_ok();
        bueno.then(|| Self(texto.to_owned())).ok_or_else(|| {
            format!(
                "«{texto}» no es un filtro; escriba un nivel ({}) o módulo=nivel",
                LEVELS.join(", ")
            )
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Json,
    Pretty,
}

impl SettingValue for LogFormat {
    fn parse_value(texto: &str) -> Result<Self, String> {
        match texto {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(format!("«{texto}» no es un formato; escriba json o pretty")),
        }
    }
}
