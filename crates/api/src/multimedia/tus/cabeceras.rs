//! What a client says in headers.

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderName, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sigra_domain::{
    ErrorCampo, Falla,
    campo::Errores,
    reporte::{nombre_de_archivo, sha256, tipo_mime, uuid_de_cliente},
};
use sigra_evidencia::{Algoritmo, Anuncio, Suma};
use sigra_store::multimedia::Subida;

use super::{LARGO, METADATOS, OFFSET, SUMA};
use crate::{codigo::Codigo, problema::Problema};

/// How `Upload-Metadata` is written.
const FORMA: Falla = Falla::Formato(
    "claves con su valor en base64, separadas por comas",
    "keys with their values in base64, separated by commas",
);
/// The type of bodies that carry bytes of a file.
const BYTES: &str = "application/offset+octet-stream";

fn texto<'a>(headers: &'a HeaderMap, nombre: &HeaderName) -> Option<&'a str> {
    headers.get(nombre)?.to_str().ok()
}

pub(super) fn trae_bytes(headers: &HeaderMap) -> bool {
    texto(headers, &header::CONTENT_TYPE) == Some(BYTES)
}

/// A count in a header: digits alone.
fn cuenta(headers: &HeaderMap, nombre: &HeaderName, min: i64) -> Result<i64, Falla> {
    let texto = texto(headers, nombre).ok_or(Falla::Requerido)?;
    let digitos = texto.bytes().all(|b| b.is_ascii_digit());
    let n = texto.parse().ok().filter(|n| digitos && *n >= min);
    n.ok_or_else(|| Falla::Rango {
        min: min.to_string(),
        max: i64::MAX.to_string(),
    })
}

pub(super) fn desfase(headers: &HeaderMap) -> Result<i64, Problema> {
    cuenta(headers, &OFFSET, 0).map_err(|falla| Problema::campo("Upload-Offset", falla))
}

/// A file that somebody wants to send.
pub(super) fn anuncio(headers: &HeaderMap) -> Result<Anuncio, Vec<ErrorCampo>> {
    let mut e = Errores::default();
    let bytes = e.toma("Upload-Length", cuenta(headers, &LARGO, 1));
    let escritos = headers
        .get(&METADATOS)
        .map(|v| v.to_str().map_err(|_| FORMA));
    let mut dichos = match escritos.unwrap_or(Ok("")).and_then(metadatos) {
        Ok(dichos) => dichos,
        Err(falla) => {
            e.agrega("Upload-Metadata", falla);
            HashMap::new()
        }
    };
    let mut dicho = |clave: &str| dichos.remove(clave).filter(|t| !t.is_empty());
    let campo = |clave: &str| format!("Upload-Metadata.{clave}");
    let pedido = |valor: Option<String>| valor.ok_or(Falla::Requerido);
    // In lower case, as manifests are kept.
    let uuid = pedido(dicho("multimedia_uuid")).and_then(|t| uuid_de_cliente(&t));
    let multimedia_uuid = e.toma(&campo("multimedia_uuid"), uuid);
    let hash = pedido(dicho("sha256")).and_then(sha256);
    let sha256 = e.toma(&campo("sha256"), hash);
    let reporte = dicho("reporte_uuid")
        .map(|t| uuid_de_cliente(&t))
        .transpose();
    let reporte_uuid = e.toma(&campo("reporte_uuid"), reporte);
    let nombre = dicho("filename").map_or(Ok("archivo".into()), nombre_de_archivo);
    let nombre = e.toma(&campo("filename"), nombre);
    let tipo = dicho("filetype").map_or(Ok("application/octet-stream".into()), tipo_mime);
    let tipo = e.toma(&campo("filetype"), tipo);
    let anuncio = (|| {
        Some(Anuncio {
            multimedia_uuid: multimedia_uuid?,
            reporte_uuid: reporte_uuid?,
            nombre: nombre?,
            tipo: tipo?,
            bytes: bytes?,
            sha256: sha256?,
        })
    })();
    e.fin(anuncio)
}

/// `clave base64, clave base64`; a key may stand alone. Each comes once.
fn metadatos(texto: &str) -> Result<HashMap<String, String>, Falla> {
    let mut dichos = HashMap::new();
    for par in texto.split(',').filter(|p| !p.trim().is_empty()) {
        let (clave, valor) = par.trim().split_once(' ').unwrap_or((par.trim(), ""));
        let valor = STANDARD.decode(valor).map_err(|_| FORMA)?;
        let valor = String::from_utf8(valor).map_err(|_| FORMA)?;
        if dichos.insert(clave.to_owned(), valor).is_some() {
            return Err(Falla::Repetido);
        }
    }
    Ok(dichos)
}

/// The same, as they were understood.
pub(super) fn metadatos_de(s: &Subida) -> String {
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

pub(super) fn suma(headers: &HeaderMap) -> Result<Option<Suma>, Problema> {
    let Some(valor) = headers.get(&SUMA) else {
        return Ok(None);
    };
    let suma = valor.to_str().ok().and_then(|t| {
        let (nombre, base64) = t.split_once(' ')?;
        let (algoritmo, largo) = match nombre {
            "sha1" => (Algoritmo::Sha1, 20),
            "sha256" => (Algoritmo::Sha256, 32),
            _ => return None,
        };
        let esperada = STANDARD.decode(base64).ok()?;
        (esperada.len() == largo).then_some(Suma {
            algoritmo,
            esperada,
        })
    });
    suma.map(Some).ok_or_else(|| Codigo::SumaDesconocida.into())
}

#[cfg(test)]
mod tests {
    use super::metadatos;

    #[test]
    fn metadata() {
        let m = metadatos("a YQ==, b ,c,d w7E=").unwrap();
        let dicho = |c: &str| m.get(c).map(String::as_str);
        assert_eq!(
            [dicho("a"), dicho("b"), dicho("c"), dicho("d"), dicho("e")],
            [Some("a"), Some(""), Some(""), Some("ñ"), None]
        );
        assert!(metadatos("").unwrap().is_empty());
        for malo in ["a YQ", "a YQ==,a YQ==", "a YQ== YQ==", "a /w==", "a ñ"] {
            assert!(metadatos(malo).is_err(), "{malo}");
        }
    }
}
