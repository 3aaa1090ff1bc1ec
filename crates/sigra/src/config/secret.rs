//! Settings with a secret inside, which no message, print or debug output may show.

use std::{fmt, path::Path};

use sigra_store::sqlite_file;
use url::Url;

use super::value::SettingValue;

/// What stands for a secret when it is shown.
const MASK: &str = "********";

/// A password that no debug output shows. Its length is judged together with the RUT it protects.
#[derive(Clone)]
pub(crate) struct Password(pub(crate) String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Somebody who saves what `config print` shows would otherwise make the mask the password.
fn refuse_mask(masked: bool) -> Result<(), String> {
    let why = "es lo que se muestra en lugar del secreto; escriba el verdadero";
    (!masked).then_some(()).ok_or(format!("«{MASK}» {why}"))
}

impl SettingValue for Password {
    fn parse_value(text: &str) -> Result<Self, String> {
        refuse_mask(text == MASK).map(|()| Self(text.to_owned()))
    }
    fn visible(_: &str) -> String {
        MASK.to_owned()
    }
}

/// Where the database is; PostgreSQL's password is inside.
#[derive(Clone)]
pub(crate) struct DatabaseUrl(pub(crate) String);

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Self::visible(&self.0))
    }
}

impl SettingValue for DatabaseUrl {
    fn parse_value(text: &str) -> Result<Self, String> {
        let url = Self(text.to_owned());
        if let Some(file) = sqlite_file(text).map(Path::to_string_lossy) {
            return if file.is_empty() || file.starts_with(':') {
                Err("falta el archivo; escriba sqlite:ARCHIVO".to_owned())
            } else if file.contains('?') {
                Err("una base SQLite no lleva opciones; escriba sqlite:ARCHIVO, sin «?»".to_owned())
            } else {
                Ok(url)
            };
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err("debe comenzar con sqlite: o postgres://".to_owned());
        }
        refuse_mask(text.contains(MASK))?;
        Url::parse(text).map(|_| url).map_err(|_| {
            "no se entiende; escríbala como postgres://usuario:clave@servidor/base, y los signos \
             especiales de la clave en la forma %40 (por @) o %2F (por /)"
                .to_owned()
        })
    }

    /// The password masked, also where it is a parameter.
    fn visible(text: &str) -> String {
        if sqlite_file(text).is_some() {
            return text.to_owned();
        }
        let Ok(mut url) = Url::parse(text) else {
            return MASK.to_owned();
        };
        if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
            return MASK.to_owned();
        }
        let mask = |p: &str| {
            if p.starts_with("password=") {
                format!("password={MASK}")
            } else {
                p.to_owned()
            }
        };
        let query = url.query().map(|q| q.split('&').map(mask).collect());
        url.set_query(query.map(|q: Vec<String>| q.join("&")).as_deref());
        url.into()
    }
}
