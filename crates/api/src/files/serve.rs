//! A file as an answer: whole or a part (RFC 9110, 14), only if the client does not have it (13), and
//! inert in a browser whatever is in it.

use std::{fmt::Write as _, ops::Range};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use sigra_files::ServedFile;

use crate::{App, body::is_not_modified, code::Codigo, download::NoCompression, problem::Problema};

/// Nothing in it runs, loads anything, or is shown inside another page.
const CSP: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// A file with what is said of it.
pub struct Archivo {
    pub entrega: ServedFile,
    /// Strong, without quotes.
    pub etag: String,
    /// MIME type, by its bytes.
    pub tipo: String,
    /// As its sender called it.
    pub nombre: String,
    /// To be saved, not shown.
    pub adjunto: bool,
}

/// Answers with the file, or the part of it that is asked for.
pub async fn serve(app: &App, headers: &HeaderMap, archivo: Archivo) -> Result<Response, Problema> {
    let etag = format!("\"{}\"", archivo.etag);
    if is_not_modified(headers, &etag) {
        let mut r = StatusCode::NOT_MODIFIED.into_response();
        set_header(&mut r, header::ETAG, &etag);
        return Ok(r);
    }
    let largo = archivo.entrega.largo;
    // A part of another file than the one whose beginning the client has would be worth nothing.
    let misma = headers
        .get(header::IF_RANGE)
        .is_none_or(|v| v.as_bytes() == etag.as_bytes());
    let pedido = headers.get(header::RANGE).filter(|_| misma);
    let parte = match pedido
        .and_then(|v| v.to_str().ok())
        .map(|t| parse_range(t, largo))
    {
        None | Some(RangeRequest::Todo) => None,
        Some(RangeRequest::Parte(parte)) => Some(parte),
        Some(RangeRequest::Imposible) => {
            return Err(Problema::from(Codigo::RangoImposible).with_length(largo));
        }
    };
    let rango = parte.clone().unwrap_or(0..largo);
    let body = app
        .files()
        .stream_range(&archivo.entrega, rango.clone())
        .await?;
    let mut r = Body::from_stream(body).into_response();
    if parte.is_some() {
        *r.status_mut() = StatusCode::PARTIAL_CONTENT;
        let (desde, hasta) = (rango.start, rango.end - 1);
        set_header(
            &mut r,
            header::CONTENT_RANGE,
            &format!("bytes {desde}-{hasta}/{largo}"),
        );
    }
    set_header(
        &mut r,
        header::CONTENT_LENGTH,
        &(rango.end - rango.start).to_string(),
    );
    set_header(&mut r, header::ETAG, &etag);
    set_header(&mut r, header::ACCEPT_RANGES, "bytes");
    set_header(&mut r, header::CONTENT_TYPE, &archivo.tipo);
    set_header(&mut r, header::CONTENT_SECURITY_POLICY, CSP);
    let disposicion = content_disposition(&archivo.nombre, archivo.adjunto);
    set_header(&mut r, header::CONTENT_DISPOSITION, &disposicion);
    r.extensions_mut().insert(NoCompression);
    Ok(r)
}

fn set_header(r: &mut Response, nombre: HeaderName, valor: &str) {
    if let Ok(valor) = HeaderValue::from_str(valor) {
        r.headers_mut().insert(nombre, valor);
    }
}

#[derive(Debug, PartialEq)]
enum RangeRequest {
    /// Nothing that is understood, or several parts at once.
    Todo,
    Parte(Range<u64>),
    Imposible,
}

fn parse_range(texto: &str, largo: u64) -> RangeRequest {
    let numero = |t: &str| {
        let digitos = !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        digitos.then(|| t.parse().unwrap_or(u64::MAX))
    };
    let Some((desde, hasta)) = texto
        .strip_prefix("bytes=")
        .and_then(|t| t.trim().split_once('-'))
    else {
        return RangeRequest::Todo;
    };
    let parte = match (numero(desde), numero(hasta)) {
        // The last so many.
        (None, Some(n)) if desde.is_empty() => largo.saturating_sub(n)..largo,
        (Some(a), None) if hasta.is_empty() => a..largo,
        (Some(a), Some(b)) if a <= b => a..largo.min(b.saturating_add(1)),
        _ => return RangeRequest::Todo,
    };
    if parte.is_empty() {
        RangeRequest::Imposible
    } else {
        RangeRequest::Parte(parte)
    }
}

/// RFC 6266, with the name in ASCII for those who know no other.
pub fn content_disposition(nombre: &str, adjunto: bool) -> String {
    let nombre = nombre.rsplit(['/', '\\']).next().unwrap_or_default();
    let nombre = if nombre.is_empty() { "archivo" } else { nombre };
    let llano: String = nombre
        .chars()
        .map(|c| match c {
            '"' | '%' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let mut entero = String::new();
    for b in nombre.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            entero.push(char::from(b));
        } else {
            write!(entero, "%{b:02X}").ok();
        }
    }
    let modo = if adjunto { "attachment" } else { "inline" };
    format!("{modo}; filename=\"{llano}\"; filename*=UTF-8''{entero}")
}

#[cfg(test)]
mod tests {
    use super::{RangeRequest, parse_range};

    #[test]
    fn ranges() {
        for (texto, espera) in [
            ("bytes=0-0", RangeRequest::Parte(0..1)),
            ("bytes=0-", RangeRequest::Parte(0..10)),
            ("bytes=3-5", RangeRequest::Parte(3..6)),
            ("bytes=9-100", RangeRequest::Parte(9..10)),
            ("bytes=-3", RangeRequest::Parte(7..10)),
            ("bytes=-100", RangeRequest::Parte(0..10)),
            ("bytes=0-99999999999999999999", RangeRequest::Parte(0..10)),
            ("bytes=-0", RangeRequest::Imposible),
            ("bytes=10-", RangeRequest::Imposible),
            ("bytes=10-20", RangeRequest::Imposible),
            ("bytes=99999999999999999999-", RangeRequest::Imposible),
            ("bytes=5-3", RangeRequest::Todo),
            ("bytes=0-1,4-5", RangeRequest::Todo),
            ("bytes=-", RangeRequest::Todo),
            ("bytes=a-b", RangeRequest::Todo),
            ("bytes=+1-2", RangeRequest::Todo),
            ("items=0-1", RangeRequest::Todo),
            ("", RangeRequest::Todo),
        ] {
            assert_eq!(parse_range(texto, 10), espera, "{texto}");
        }
        assert_eq!(parse_range("bytes=0-", 0), RangeRequest::Imposible);
    }
}
