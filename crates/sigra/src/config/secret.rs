//! Settings with a secret inside, which no message, print or debug output may show.

use std::{fmt, path::Path};

use sigra_store::sqlite_file;
use url::Url;

use super::value::{Parsed, ensure};

/// What stands for a secret when it is shown.
pub(super) const MASK: &str = "********";

/// A text that is a secret, or has one inside.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Somebody who saves what `config print` shows would otherwise make the mask the password.
fn ensure_unmasked(masked: bool) -> Parsed<()> {
    let why = "es lo que se muestra en lugar del secreto; escriba el verdadero";
    ensure(!masked, &format!("«{MASK}» {why}"))
}

/// The length of a password is judged together with the RUT it protects.
pub(super) fn password(text: &str) -> Parsed<Secret> {
    ensure_unmasked(text == MASK).map(|()| Secret(text.to_owned()))
}

/// Where the database is; PostgreSQL's password is inside.
pub(super) fn database_url(text: &str) -> Parsed<Secret> {
    if let Some(file) = sqlite_file(text).map(Path::to_string_lossy) {
        let named = !file.is_empty() && !file.starts_with(':');
        ensure(named, "falta el archivo; escriba sqlite:ARCHIVO")?;
        let why = "una base SQLite no lleva opciones; escriba sqlite:ARCHIVO, sin «?»";
        ensure(!file.contains('?'), why)?;
    } else {
        let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        ensure(postgres, "debe comenzar con sqlite: o postgres://")?;
        ensure_unmasked(text.contains(MASK))?;
        let why = "no se entiende; escríbala como postgres://usuario:clave@servidor/base, y los signos \
                   especiales de la clave en la forma %40 (por @) o %2F (por /)";
        ensure(Url::parse(text).is_ok(), why)?;
    }
    Ok(Secret(text.to_owned()))
}

/// The URL with its password masked, also where that is a parameter; `None` if it can't be.
pub(super) fn mask_url(text: &str) -> Option<String> {
    if sqlite_file(text).is_some() {
        return Some(text.to_owned());
    }
    let mut url = Url::parse(text).ok()?;
    if url.password().is_some() {
        url.set_password(Some(MASK)).ok()?;
    }
    let mask = |parameter: &str| match parameter.split_once('=') {
        Some(("password", _)) => format!("password={MASK}"),
        _ => parameter.to_owned(),
    };
    let query = url.query().map(|q| q.split('&').map(mask).collect());
    url.set_query(query.map(|q: Vec<String>| q.join("&")).as_deref());
    Some(url.into())
}
