//! The types of settings: how each is written, read, checked and shown.
//!
//! Every value passes through text, whether it came from the file or from the environment; the
//! reasons given for a wrong one are Spanish, say what is expected and never repeat a secret.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use sigra_domain::{Rut, Zona, rut::RutInvalido};
use sigra_envio::Permitidos;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::reservado::MASCARA;

/// How a value is written in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clase {
    Texto,
    /// A text, or a number for those who leave out the quotes.
    TextoONumero,
    Entero,
    Logico,
    /// A list of texts; commas separate them in the variable.
    Lista,
}

pub(crate) trait Valor: Sized {
    const CLASE: Clase = Clase::Texto;

    /// The value, or why it is none, as the end of a sentence about it.
    fn lee(texto: &str) -> Result<Self, String>;

    /// What `texto` may look like on a screen.
    fn visible(texto: &str) -> String {
        texto.to_owned()
    }

    /// The value of a setting left empty, for types that have one.
    fn ausente() -> Option<Self> {
        None
    }
}

impl<T: Valor> Valor for Option<T> {
    const CLASE: Clase = T::CLASE;

    fn lee(texto: &str) -> Result<Self, String> {
        T::lee(texto).map(Some)
    }
    fn visible(texto: &str) -> String {
        T::visible(texto)
    }
    fn ausente() -> Option<Self> {
        Some(None)
    }
}

impl Valor for SocketAddr {
    fn lee(texto: &str) -> Result<Self, String> {
        texto.parse().map_err(|_| {
            format!("«{texto}» no es una dirección IP con puerto; escriba una como 127.0.0.1:8000")
        })
    }
}

impl Valor for PathBuf {
    fn lee(texto: &str) -> Result<Self, String> {
        Ok(texto.into())
    }
}

impl Valor for Zona {
    fn lee(texto: &str) -> Result<Self, String> {
        Self::new(texto).ok_or_else(|| {
            format!(
                "«{texto}» no es una zona horaria; escriba un nombre IANA, como America/Santiago"
            )
        })
    }
}

impl Valor for bool {
    const CLASE: Clase = Clase::Logico;

    fn lee(texto: &str) -> Result<Self, String> {
        texto
            .parse()
            .map_err(|_| format!("«{texto}» no es true ni false; escriba uno de los dos"))
    }
}

impl Valor for Rut {
    const CLASE: Clase = Clase::TextoONumero;

    fn lee(texto: &str) -> Result<Self, String> {
        Self::parse(texto).map_err(|e| match e {
            RutInvalido::Formato => {
                format!("«{texto}» no es un RUT; escríbalo como 12345678-5 o 12.345.678-5")
            }
            RutInvalido::Digito => {
                format!("el dígito verificador de «{texto}» no corresponde; revise el RUT")
            }
        })
    }
}

impl Valor for Vec<IpAddr> {
    const CLASE: Clase = Clase::Lista;

    fn lee(texto: &str) -> Result<Self, String> {
        let direccion = |parte: &str| {
            let parte = parte.trim();
            parte.parse().map_err(|_| {
                format!("«{parte}» no es una dirección IP; escriba, por ejemplo, 10.0.0.2")
            })
        };
        texto.split(',').map(direccion).collect()
    }
    fn ausente() -> Option<Self> {
        Some(vec![])
    }
}

/// An integer from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entre<const MIN: u32, const MAX: u32>(pub(crate) u32);

impl<const MIN: u32, const MAX: u32> Valor for Entre<MIN, MAX> {
    const CLASE: Clase = Clase::Entero;

    fn lee(texto: &str) -> Result<Self, String> {
        let n = texto.parse().ok().filter(|n| (MIN..=MAX).contains(n));
        n.map(Self)
            .ok_or_else(|| format!("«{texto}» no sirve; escriba un número entero de {MIN} a {MAX}"))
    }
}

/// A text without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Palabra(pub(crate) String);

impl Valor for Palabra {
    fn lee(texto: &str) -> Result<Self, String> {
        if texto.contains(char::is_whitespace) {
            Err("no puede llevar espacios".to_owned())
        } else {
            Ok(Self(texto.to_owned()))
        }
    }
}

/// A text of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linea(pub(crate) String);

impl Valor for Linea {
    fn lee(texto: &str) -> Result<Self, String> {
        if texto.contains(char::is_control) {
            Err("debe ser una sola línea".to_owned())
        } else {
            Ok(Self(texto.to_owned()))
        }
    }
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seguridad(pub(crate) sigra_envio::correo::Seguridad);

impl Valor for Seguridad {
    fn lee(texto: &str) -> Result<Self, String> {
        use sigra_envio::correo::Seguridad as S;
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
pub(crate) struct Redes(pub(crate) Permitidos);

impl Valor for Redes {
    const CLASE: Clase = Clase::Lista;

    fn lee(texto: &str) -> Result<Self, String> {
        let redes = texto.split(',').map(str::trim);
        Permitidos::lee(redes).map(Self).map_err(|e| e.to_string())
    }
    fn ausente() -> Option<Self> {
        Permitidos::lee([""; 0]).ok().map(Self)
    }
}

/// The address of a service, without a user or a password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlHttp(pub(crate) String);

impl Valor for UrlHttp {
    fn lee(texto: &str) -> Result<Self, String> {
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
        Self::lee(texto).map_or_else(|_| MASCARA.to_owned(), |url| url.0)
    }
}

/// A filter of the log, as `tracing_subscriber` reads it.
#[derive(Clone, Debug)]
pub(crate) struct FiltroLog(pub(crate) String);

const NIVELES: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl Valor for FiltroLog {
    fn lee(texto: &str) -> Result<Self, String> {
        // The library takes a lone unknown word for the name of a module, so that a mistyped level
        // would silence the log.
        let nivel = |parte: &str| {
            parte.contains(['=', '['])
                || NIVELES.iter().any(|n| n.eq_ignore_ascii_case(parte.trim()))
        };
        let bueno = texto.split(',').all(nivel) && EnvFilter::builder().parse(texto).is_ok();
        bueno.then(|| Self(texto.to_owned())).ok_or_else(|| {
            format!(
                "«{texto}» no es un filtro; escriba un nivel ({}) o módulo=nivel",
                NIVELES.join(", ")
            )
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormatoLog {
    Json,
    Pretty,
}

impl Valor for FormatoLog {
    fn lee(texto: &str) -> Result<Self, String> {
        match texto {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(format!("«{texto}» no es un formato; escriba json o pretty")),
        }
    }
}
