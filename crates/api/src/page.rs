//! Lists in pages: `limite`, an opaque `cursor`, `{items, siguiente}` and `Link`.

use axum::{
    Json,
    http::{HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sigra_domain::{FieldErrorKind, campo::FieldErrors, campo::tipo, sha256_hex};
use utoipa::{IntoParams, ToSchema};

use crate::{code::Codigo, problem::Problema};

pub const DEFAULT_LIMIT: i64 = 50;
pub const MAX_LIMIT: i64 = 200;

/// Una página de una lista.
#[derive(Serialize, ToSchema)]
pub struct Pagina<T> {
    pub items: Vec<T>,
    /// Cursor de la página siguiente; null en la última.
    pub siguiente: Option<String>,
}

/// Which page of a list is asked for. Apart from the list's filters, which are what `huella` is of: the
/// pages of one list may differ in size. (Filters that only left it out when serialised would leave it
/// out of the description too.)
#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Cuántos por página: 1 a 200; 50 si no se dice.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limite: Option<String>,
    /// El `siguiente` de la página anterior, con los mismos filtros.
    cursor: Option<String>,
}

impl PageParams {
    /// How many a page may have.
    pub fn limit(&self, e: &mut FieldErrors) -> i64 {
        let Some(text) = self.limite.as_deref().filter(|t| !t.is_empty()) else {
            return DEFAULT_LIMIT;
        };
        let n = parse_integer("limite", text, e).unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&n) {
            e.add(
                "limite",
                FieldErrorKind::Rango {
                    min: "1".into(),
                    max: MAX_LIMIT.to_string(),
                },
            );
        }
        n
    }

    /// The place after which it begins; `None` for the first one.
    pub fn after<P: DeserializeOwned>(&self, fingerprint: &str) -> Result<Option<P>, Problema> {
        let cursor = self.cursor.as_deref().filter(|c| !c.is_empty());
        cursor.map(|c| parse_cursor(fingerprint, c)).transpose()
    }
}

/// Where a page ended, bound to the list it is of.
#[derive(Serialize, Deserialize)]
struct Cursor<P> {
    /// Of the filters and the order.
    l: String,
    p: P,
}

/// What makes a list this list: a cursor of another one is refused.
pub fn fingerprint(lista: &impl Serialize) -> String {
    let json = serde_json::to_vec(lista).unwrap_or_default();
    sha256_hex(&json)[..16].to_owned()
}

pub fn cursor(fingerprint: &str, posicion: impl Serialize) -> Option<String> {
    let json = serde_json::to_vec(&Cursor {
        l: fingerprint.to_owned(),
        p: posicion,
    })
    .ok()?;
    Some(URL_SAFE_NO_PAD.encode(json))
}

fn parse_cursor<P: DeserializeOwned>(fingerprint: &str, text: &str) -> Result<P, Problema> {
    let invalido = || Problema::from(Codigo::CursorInvalido);
    if text.len() > 1_000 {
        return Err(invalido());
    }
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalido())?;
    let c: Cursor<P> = serde_json::from_slice(&json).map_err(|_| invalido())?;
    if c.l == fingerprint {
        Ok(c.p)
    } else {
        Err(invalido())
    }
}

/// An integer in a query.
pub fn parse_integer(campo: &str, text: &str, e: &mut FieldErrors) -> Option<i64> {
    let falla = FieldErrorKind::Tipo(tipo::INTEGER.0, tipo::INTEGER.1);
    e.take(campo, text.parse().map_err(|_| falla))
}

/// The page of what was read with one more than its limit, and the cursor of the next one.
pub fn cut_page<T>(
    mut leidos: Vec<T>,
    limite: i64,
    cursor: impl FnOnce(&T) -> Option<String>,
) -> (Vec<T>, Option<String>) {
    let limite = usize::try_from(limite).unwrap_or(usize::MAX);
    let sigue = leidos.len() > limite;
    leidos.truncate(limite);
    let siguiente = leidos.last().filter(|_| sigue).and_then(cursor);
    (leidos, siguiente)
}

/// A page with its `Link` to the next one.
pub fn respond<T: Serialize>(uri: &Uri, pagina: &Pagina<T>) -> Response {
    let mut r = Json(pagina).into_response();
    if let Some(siguiente) = &pagina.siguiente
        && let Ok(link) = HeaderValue::from_str(&next_link(uri, siguiente))
    {
        r.headers_mut().insert(header::LINK, link);
    }
    r
}

fn next_link(uri: &Uri, siguiente: &str) -> String {
    let mut consulta: String = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|p| !p.is_empty() && !p.starts_with("cursor="))
        .flat_map(|p| [p, "&"])
        .collect();
    consulta.push_str("cursor=");
    consulta.push_str(siguiente);
    format!("<{}?{consulta}>; rel=\"next\"", uri.path())
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};
    use utoipa::IntoParams as _;

    use super::{DEFAULT_LIMIT, MAX_LIMIT, PageParams};

    #[test]
    fn what_the_description_says_of_limite_is_so() {
        let parametros = to_value(PageParams::into_params(|| None)).unwrap();
        let limite = json!({
            "type": "integer", "format": "int64",
            "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT
        });
        assert_eq!(parametros[0]["schema"], limite);
        let text = format!("Cuántos por página: 1 a {MAX_LIMIT}; {DEFAULT_LIMIT} si no se dice.");
        assert_eq!(parametros[0]["description"], text);
    }
}
