//! A file as an answer: whole or a part (RFC 9110, 14), only if the client does not have it (13), and
//! inert in a browser whatever is in it.

use std::{fmt::Write as _, ops::Range};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use sigra_evidencia::Entrega;

use crate::{App, codigo::Codigo, cuerpo::ya_lo_tiene, descarga::SinComprimir, problema::Problema};

/// Nothing in it runs, loads anything, or is shown inside another page.
const CSP: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// A file with what is said of it.
pub struct Archivo {
    pub entrega: Entrega,
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
pub async fn sirve(app: &App, headers: &HeaderMap, archivo: Archivo) -> Result<Response, Problema> {
    let etag = format!("\"{}\"", archivo.etag);
    if ya_lo_tiene(headers, &etag) {
        let mut r = StatusCode::NOT_MODIFIED.into_response();
        pon(&mut r, header::ETAG, &etag);
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
        .map(|t| rango(t, largo))
    {
        None | Some(Pedido::Todo) => None,
        Some(Pedido::Parte(parte)) => Some(parte),
        Some(Pedido::Imposible) => {
            return Err(Problema::from(Codigo::RangoImposible).con_largo(largo));
        }
    };
    let rango = parte.clone().unwrap_or(0..largo);
    let cuerpo = app
        .evidencia()
        .entrega(&archivo.entrega, rango.clone())
        .await?;
    let mut r = Body::from_stream(cuerpo).into_response();
    if parte.is_some() {
        *r.status_mut() = StatusCode::PARTIAL_CONTENT;
        let (desde, hasta) = (rango.start, rango.end - 1);
        pon(
            &mut r,
            header::CONTENT_RANGE,
            &format!("bytes {desde}-{hasta}/{largo}"),
        );
    }
    pon(
        &mut r,
        header::CONTENT_LENGTH,
        &(rango.end - rango.start).to_string(),
    );
    pon(&mut r, header::ETAG, &etag);
    pon(&mut r, header::ACCEPT_RANGES, "bytes");
    pon(&mut r, header::CONTENT_TYPE, &archivo.tipo);
    pon(&mut r, header::CONTENT_SECURITY_POLICY, CSP);
    let disposicion = disposicion(&archivo.nombre, archivo.adjunto);
    pon(&mut r, header::CONTENT_DISPOSITION, &disposicion);
    r.extensions_mut().insert(SinComprimir);
    Ok(r)
}

fn pon(r: &mut Response, nombre: HeaderName, valor: &str) {
    if let Ok(valor) = HeaderValue::from_str(valor) {
        r.headers_mut().insert(nombre, valor);
    }
}

#[derive(Debug, PartialEq)]
enum Pedido {
    /// Nothing that is understood, or several parts at once.
    Todo,
    Parte(Range<u64>),
    Imposible,
}

fn rango(texto: &str, largo: u64) -> Pedido {
    let numero = |t: &str| {
        let digitos = !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        digitos.then(|| t.parse().unwrap_or(u64::MAX))
    };
    let Some((desde, hasta)) = texto
        .strip_prefix("bytes=")
        .and_then(|t| t.trim().split_once('-'))
    else {
        return Pedido::Todo;
    };
    let parte = match (numero(desde), numero(hasta)) {
        // The last so many.
        (None, Some(n)) if desde.is_empty() => largo.saturating_sub(n)..largo,
        (Some(a), None) if hasta.is_empty() => a..largo,
        (Some(a), Some(b)) if a <= b => a..largo.min(b.saturating_add(1)),
        _ => return Pedido::Todo,
    };
    if parte.is_empty() {
        Pedido::Imposible
    } else {
        Pedido::Parte(parte)
    }
}

/// RFC 6266, with the name in ASCII for those who know no other.
pub fn disposicion(nombre: &str, adjunto: bool) -> String {
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
    use super::{Pedido, rango};

    #[test]
    fn ranges() {
        for (texto, espera) in [
            ("bytes=0-0", Pedido::Parte(0..1)),
            ("bytes=0-", Pedido::Parte(0..10)),
            ("bytes=3-5", Pedido::Parte(3..6)),
            ("bytes=9-100", Pedido::Parte(9..10)),
            ("bytes=-3", Pedido::Parte(7..10)),
            ("bytes=-100", Pedido::Parte(0..10)),
            ("bytes=0-99999999999999999999", Pedido::Parte(0..10)),
            ("bytes=-0", Pedido::Imposible),
            ("bytes=10-", Pedido::Imposible),
            ("bytes=10-20", Pedido::Imposible),
            ("bytes=99999999999999999999-", Pedido::Imposible),
            ("bytes=5-3", Pedido::Todo),
            ("bytes=0-1,4-5", Pedido::Todo),
            ("bytes=-", Pedido::Todo),
            ("bytes=a-b", Pedido::Todo),
            ("bytes=+1-2", Pedido::Todo),
            ("items=0-1", Pedido::Todo),
            ("", Pedido::Todo),
        ] {
            assert_eq!(rango(texto, 10), espera, "{texto}");
        }
        assert_eq!(rango("bytes=0-", 0), Pedido::Imposible);
    }
}
