//! What a client says in headers.

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderName, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sigra_domain::{
    FieldError, FieldErrorKind,
    campo::FieldErrors,
    reporte::{mime_type, parse_file_name, parse_uuid_cliente, sha256},
};
use sigra_files::{Checksum, ChecksumAlgorithm, UploadSpec};
use sigra_store::uploads::Upload;

use super::{CHECKSUM, LENGTH, METADATA, OFFSET};
use crate::{code::Codigo, problem::Problema};

/// How `Upload-Metadata` is written.
const BAD_FORMAT: FieldErrorKind = FieldErrorKind::Formato(
    "claves con su valor en base64, separadas por comas",
    "keys with their values in base64, separated by commas",
);
/// The type of bodies that carry bytes of a file.
const UPLOAD_CONTENT_TYPE: &str = "application/offset+octet-stream";

fn header_str<'a>(headers: &'a HeaderMap, nombre: &HeaderName) -> Option<&'a str> {
    headers.get(nombre)?.to_str().ok()
}

pub(super) fn is_octet_stream(headers: &HeaderMap) -> bool {
    header_str(headers, &header::CONTENT_TYPE) == Some(UPLOAD_CONTENT_TYPE)
}

/// A count in a header: digits alone.
fn parse_count(headers: &HeaderMap, nombre: &HeaderName, min: i64) -> Result<i64, FieldErrorKind> {
    let texto = header_str(headers, nombre).ok_or(FieldErrorKind::Requerido)?;
    let digitos = texto.bytes().all(|b| b.is_ascii_digit());
    let n = texto.parse().ok().filter(|n| digitos && *n >= min);
    n.ok_or_else(|| FieldErrorKind::Rango {
        min: min.to_string(),
        max: i64::MAX.to_string(),
    })
}

pub(super) fn upload_offset(headers: &HeaderMap) -> Result<i64, Problema> {
    parse_count(headers, &OFFSET, 0).map_err(|falla| Problema::field("Upload-Offset", falla))
}

/// A file that somebody wants to send.
pub(super) fn parse_announcement(headers: &HeaderMap) -> Result<UploadSpec, Vec<FieldError>> {
    let mut e = FieldErrors::default();
    let bytes = e.take("Upload-Length", parse_count(headers, &LENGTH, 1));
    let escritos = headers
        .get(&METADATA)
        .map(|v| v.to_str().map_err(|_| BAD_FORMAT));
    let mut dichos = match escritos.unwrap_or(Ok("")).and_then(parse_metadata) {
        Ok(dichos) => dichos,
        Err(falla) => {
            e.add("Upload-Metadata", falla);
            HashMap::new()
        }
    };
    let mut dicho = |clave: &str| dichos.remove(clave).filter(|t| !t.is_empty());
    let campo = |clave: &str| format!("Upload-Metadata.{clave}");
    let pedido = |valor: Option<String>| valor.ok_or(FieldErrorKind::Requerido);
    // In lower case, as manifests are kept.
    let uuid = pedido(dicho("multimedia_uuid")).and_then(|t| parse_uuid_cliente(&t));
    let multimedia_uuid = e.take(&campo("multimedia_uuid"), uuid);
    let hash = pedido(dicho("sha256")).and_then(sha256);
    let sha256 = e.take(&campo("sha256"), hash);
    let reporte = dicho("reporte_uuid")
        .map(|t| parse_uuid_cliente(&t))
        .transpose();
    let reporte_uuid = e.take(&campo("reporte_uuid"), reporte);
    let nombre = dicho("filename").map_or(Ok("archivo".into()), parse_file_name);
    let nombre = e.take(&campo("filename"), nombre);
    let tipo = dicho("filetype").map_or(Ok("application/octet-stream".into()), mime_type);
    let tipo = e.take(&campo("filetype"), tipo);
    let anuncio = (|| {
        Some(UploadSpec {
            multimedia_uuid: multimedia_uuid?,
            reporte_uuid: reporte_uuid?,
            nombre: nombre?,
            tipo: tipo?,
            bytes: bytes?,
            sha256: sha256?,
        })
    })();
    e.finish(anuncio)
}

/// `clave base64, clave base64`; a key may stand alone. Each comes once.
fn parse_metadata(texto: &str) -> Result<HashMap<String, String>, FieldErrorKind> {
    let mut dichos = HashMap::new();
    for par in texto.split(',').filter(|p| !p.trim().is_empty()) {
        let (clave, valor) = par.trim().split_once(' ').unwrap_or((par.trim(), ""));
        let valor = STANDARD.decode(valor).map_err(|_| BAD_FORMAT)?;
        let valor = String::from_utf8(valor).map_err(|_| BAD_FORMAT)?;
        if dichos.insert(clave.to_owned(), valor).is_some() {
            return Err(FieldErrorKind::Repetido);
        }
    }
    Ok(dichos)
}

/// The same, as they were understood.
pub(super) fn format_metadata(s: &Upload) -> String {
    let par = |(clave, valor): (&str, &str)| format!("{clave} {}", STANDARD.encode(valor));
    let fijos = [
        ("multimedia_uuid", s.multimedia_uuid.as_str()),
        ("filename", &s.nombre),
        ("filetype", &s.tipo),
        ("sha256", &s.sha256),
    ];
    let reporte = s.reporte_uuid.as_deref().map(|u| ("reporte_uuid", u));
    let pares: Vec<String> = fijos.into_iter().chain(reporte).map(par).collect();
    pares.join(",")
}

pub(super) fn parse_checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Problema> {
    let Some(valor) = headers.get(&CHECKSUM) else {
        return Ok(None);
    };
    let suma = valor.to_str().ok().and_then(|t| {
        let (nombre, base64) = t.split_once(' ')?;
        let (algoritmo, largo) = match nombre {
            "sha1" => (ChecksumAlgorithm::Sha1, 20),
            "sha256" => (ChecksumAlgorithm::Sha256, 32),
            _ => return None,
        };
        let esperada = STANDARD.decode(base64).ok()?;
        (esperada.len() == largo).then_some(Checksum {
            algoritmo,
            esperada,
        })
    });
    suma.map(Some).ok_or_else(|| Codigo::SumaDesconocida.into())
}

#[cfg(test)]
mod tests {
    use super::parse_metadata;

    #[test]
    fn metadata() {
        let m = parse_metadata("a YQ==, b ,c,d w7E=").unwrap();
        let dicho = |c: &str| m.get(c).map(String::as_str);
        assert_eq!(
            [dicho("a"), dicho("b"), dicho("c"), dicho("d"), dicho("e")],
            [Some("a"), Some(""), Some(""), Some("ñ"), None]
        );
        assert!(parse_metadata("").unwrap().is_empty());
        for malo in ["a YQ", "a YQ==,a YQ==", "a YQ== YQ==", "a /w==", "a ñ"] {
            assert!(parse_metadata(malo).is_err(), "{malo}");
        }
    }
}
