//! Settings with a secret inside, which no message, print or debug output may show.

use std::path::Path;

use url::Url;

use super::value::SettingValue;

/// What stands for a secret when it is shown.
pub(crate) const MASK: &str = "********";

/// A password that no debug output shows. Its length is judged together with the RUT it protects.
#[derive(Clone)]
pub(crate) struct Password(pub(crate) String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
    }
}

/// Somebody who saves what `config print` shows would otherwise make the mask the password.
fn mask_error() -> String {
    format!("«{MASK}» es lo que se muestra en lugar del secreto; escriba el verdadero")
}

impl SettingValue for Password {
    fn parse_value(texto: &str) -> Result<Self, String> {
        if texto == MASK {
            Err(mask_error())
        } else {
            Ok(Self(texto.to_owned()))
        }
    }
    fn visible(_: &str) -> String {
        MASK.to_owned()
    }
}

/// Where the database is; PostgreSQL's password is inside.
#[derive(Clone)]
pub(crate) struct DatabaseUrl(pub(crate) String);

impl DatabaseUrl {
    /// The file, when it is SQLite.
    pub(crate) fn sqlite_file(&self) -> Option<&Path> {
        let resto = self.0.strip_prefix("sqlite:")?;
        Some(Path::new(resto.strip_prefix("//").unwrap_or(resto)))
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&Self::visible(&self.0))
    }
}

impl SettingValue for DatabaseUrl {
    fn parse_value(texto: &str) -> Result<Self, String> {
        let url = Self(texto.to_owned());
        if let Some(archivo) = url.sqlite_file() {
            let archivo = archivo.to_string_lossy();
            return if archivo.is_empty() || archivo.starts_with(':') {
                Err("falta el archivo; escriba sqlite:ARCHIVO".to_owned())
            } else if archivo.contains('?') {
                Err("una base SQLite no lleva opciones; escriba sqlite:ARCHIVO, sin «?»".to_owned())
            } else {
                Ok(url)
            };
        }
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|p| texto.starts_with(p))
        {
            return Err("debe comenzar con sqlite: o postgres://".to_owned());
        }
        if texto.contains(MASK) {
            return Err(mask_error());
        }
        let entendida = Url::parse(texto).is_ok();
        entendida.then_some(url).ok_or_else(|| {
            "no se entiende; escríbala como postgres://usuario:clave@servidor/base, y los signos \
             especiales de la clave en la forma %40 (por @) o %2F (por /)"
                .to_owned()
        })
    }

    /// The password masked, also where it is a parameter.
    fn visible(texto: &str) -> String {
        if texto.starts_with("sqlite:") {
            return texto.to_owned();
        }
        let Ok(mut url) = Url::parse(texto) else {
            return MASK.to_owned();
        };
        if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
            return MASK.to_owned();
        }
        let partes = |q: &str| -> Vec<String> { q.split('&').map(str::to_owned).collect() };
        let query = url.query().map(partes).unwrap_or_default();
        if query.iter().any(|p| p.starts_with("password=")) {
            let tapa = |p: String| {
                if p.starts_with("password=") {
                    format!("password={MASK}")
                } else {
                    p
                }
            };
            let query: Vec<String> = query.into_iter().map(tapa).collect();
            url.set_query(Some(&query.join("&")));
        }
        url.into()
    }
}
