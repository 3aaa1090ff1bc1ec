//! What comes in: bodies, queries and path segments, each with its limits and its own error.

mod memory_budget;
mod sync_body;

use std::{collections::BTreeMap, time::Duration};

use axum::{
    extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Path, Request},
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use sigra_domain::{
    FieldError, FieldErrorKind, campo::tipo, reporte::parse_uuid_cliente, sha256_hex,
};

pub use memory_budget::MemoryBudget;
pub use sync_body::{MAX_SYNC_BODY, SyncBody, SyncBodyKind};

use crate::{code::Codigo, problem::Problema};

/// The largest JSON body, decompressed.
pub const MAX_BODY: usize = 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON object as the body, and the hash that an idempotency key is bound to.
pub struct JsonBody<T> {
    pub datos: T,
    pub sha256: String,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problema;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problema> {
        if !is_json(request.headers()) {
            return Err(Codigo::TipoDeContenido.into());
        }
        let bytes = read(request).await?;
        let datos = parse_object(&bytes)?;
        Ok(Self {
            datos,
            sha256: sha256_hex(&bytes),
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| {
            let mime = v.split(';').next().unwrap_or_default().trim();
            mime.eq_ignore_ascii_case("application/json")
        })
}

async fn read(request: Request) -> Result<bytes::Bytes, Problema> {
    let body = Limited::new(request.into_body(), MAX_BODY);
    match tokio::time::timeout(BODY_TIMEOUT, body.collect()).await {
        Err(_) => Err(Codigo::CuerpoLento.into()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(Codigo::CuerpoMuyGrande.into()),
        Ok(Err(_)) => Err(Codigo::CuerpoIlegible.into()),
        Ok(Ok(todo)) => Ok(todo.to_bytes()),
    }
}

fn parse_object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problema> {
    let no_es_objeto = || Problema::field("", FieldErrorKind::Tipo(tipo::OBJECT.0, tipo::OBJECT.1));
    // serde would read a list as a struct's fields in order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(match serde_json::from_slice(bytes) {
            Ok(serde::de::IgnoredAny) => no_es_objeto(),
            Err(_) => Codigo::JsonInvalido.into(),
        });
    }
    serde_json::from_slice(bytes).map_err(|e| {
        if e.is_data() {
            no_es_objeto()
        } else {
            Codigo::JsonInvalido.into()
        }
    })
}

/// A query string, by name; lists repeat their name. Fields of `T` are texts, so that each value is
/// judged with an error of its own.
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problema> {
        let consulta = parts.uri.query().unwrap_or_default();
        serde_html_form::from_str(consulta)
            .map(Self)
            .map_err(|_| repeated_params::<T>(consulta))
    }
}

/// Which parameters came more often than they may: nothing else can be wrong with a query of texts.
fn repeated_params<T: DeserializeOwned>(consulta: &str) -> Problema {
    type QueryPairs = Vec<(String, String)>;
    let pares: QueryPairs = serde_html_form::from_str(consulta).unwrap_or_default();
    let mut por_nombre: BTreeMap<&str, Vec<&(String, String)>> = BTreeMap::new();
    for par in &pares {
        por_nombre.entry(&par.0).or_default().push(par);
    }
    let sobra = |pares: &Vec<_>| {
        serde_html_form::to_string(pares)
            .is_ok_and(|solo| serde_html_form::from_str::<T>(&solo).is_err())
    };
    let errores: Vec<_> = por_nombre
        .into_iter()
        .filter(|(_, pares)| sobra(pares))
        .map(|(campo, _)| FieldError {
            campo: campo.to_owned(),
            falla: FieldErrorKind::Repetido,
        })
        .collect();
    errores.into()
}

/// An integer id in the path; anything else names nothing.
pub struct Id(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, s: &S) -> Result<Self, Problema> {
        <Path<i64> as FromRequestParts<S>>::from_request_parts(parts, s)
            .await
            .map(|Path(id)| Self(id))
            .map_err(|_| Codigo::NoEncontrado.into())
    }
}

/// Two integer ids in the path.
pub struct Ids(pub i64, pub i64);

impl<S: Send + Sync> FromRequestParts<S> for Ids {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, s: &S) -> Result<Self, Problema> {
        <Path<(i64, i64)> as FromRequestParts<S>>::from_request_parts(parts, s)
            .await
            .map(|Path((a, b))| Self(a, b))
            .map_err(|_| Codigo::NoEncontrado.into())
    }
}

/// A client's uuid in the path; anything else names nothing.
pub struct PathUuid(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathUuid {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, s: &S) -> Result<Self, Problema> {
        let texto = <Path<String> as FromRequestParts<S>>::from_request_parts(parts, s).await;
        texto
            .ok()
            .and_then(|Path(t)| parse_uuid_cliente(&t).ok())
            .map(Self)
            .ok_or_else(|| Codigo::NoEncontrado.into())
    }
}

/// `If-Match` as versions of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    Cualquiera,
    Versiones(Vec<i64>),
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problema> {
        Ok(parts
            .headers
            .get(header::IF_MATCH)
            .map(|v| Self::parse(v.to_str().unwrap_or_default())))
    }
}

impl IfMatch {
    /// A weak or foreign tag matches no version (RFC 9110, 13.1.1).
    fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return Self::Cualquiera;
        }
        let version = |t: &str| t.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok();
        Self::Versiones(text.split(',').filter_map(version).collect())
    }
}

/// Whether `If-None-Match` has this entity tag.
pub fn is_not_modified(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|v| {
        let v = v.to_str().unwrap_or_default();
        v.trim() == "*"
            || v.split(',')
                .any(|t| t.trim().trim_start_matches("W/") == etag)
    })
}

/// The version a change is made against: from the header, the body, or both. A version that no
/// report has (0) stands for a header that can't match.
pub fn expected_version(if_match: Option<&IfMatch>, body: Option<i64>) -> Option<i64> {
    match (if_match, body) {
        (None | Some(IfMatch::Cualquiera), v) => v,
        (Some(IfMatch::Versiones(vs)), None) => Some(vs.first().copied().unwrap_or(0)),
        (Some(IfMatch::Versiones(vs)), Some(v)) => Some(if vs.contains(&v) { v } else { 0 }),
    }
}

/// Text of a header that is not needed to be anything in particular.
pub fn header_text(headers: &HeaderMap, nombre: &header::HeaderName, max: usize) -> Option<String> {
    let valor = headers.get(nombre)?.to_str().ok()?;
    Some(valor.chars().take(max).collect())
}

#[cfg(test)]
mod tests {
    use super::{IfMatch, expected_version};

    #[test]
    fn if_match() {
        let v = |s| IfMatch::parse(s);
        assert_eq!(v("\"3\""), IfMatch::Versiones(vec![3]));
        assert_eq!(v("\"3\", \"4\""), IfMatch::Versiones(vec![3, 4]));
        assert_eq!(v("W/\"3\""), IfMatch::Versiones(vec![]));
        assert_eq!(v("3"), IfMatch::Versiones(vec![]));
        assert_eq!(v("*"), IfMatch::Cualquiera);
        for (header, body, expected) in [
            (None, None, None),
            (None, Some(2), Some(2)),
            (Some("\"2\""), None, Some(2)),
            (Some("\"2\""), Some(2), Some(2)),
            (Some("\"2\""), Some(3), Some(0)),
            (Some("x"), None, Some(0)),
            (Some("*"), Some(3), Some(3)),
            (Some("*"), None, None),
        ] {
            assert_eq!(
                expected_version(header.map(v).as_ref(), body),
                expected,
                "{header:?} {body:?}"
            );
        }
    }
}
