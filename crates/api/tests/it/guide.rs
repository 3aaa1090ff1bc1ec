//! What the guide says must be what the code does.

mod examples;

use std::fmt::Write as _;

use sigra_api::code::Codigo;
use sigra_domain::{Language, sha256_hex};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// `SIGRA_ACTUALIZAR=1 cargo test -p sigra-api --test it guide` writes it anew.
#[test]
fn the_codes_are_in_the_guide() {
    let mut texto = String::from(
        "# Códigos de error\n\nCada error es un problema RFC 9457 con uno de estos códigos. \
         *Permanente*: enviar lo mismo otra vez no servirá.\n\n\
         | código | HTTP | permanente | qué pasó y qué hacer |\n|---|---|---|---|\n",
    );
    for c in Codigo::ALL {
        let permanente = if c.is_permanent() { "sí" } else { "no" };
        let (status, detalle) = (c.status().as_u16(), c.detalle(Language::Es));
        writeln!(
            texto,
            "| `{}` | {status} | {permanente} | {detalle} |",
            c.code()
        )
        .unwrap();
    }
    let archivo = format!("{DOCS}/codigos.md");
    if std::env::var_os("SIGRA_ACTUALIZAR").is_some() {
        std::fs::write(&archivo, &texto).unwrap();
    }
    let guardado = std::fs::read_to_string(&archivo).unwrap_or_default();
    assert_eq!(
        guardado, texto,
        "docs/codigos.md no es lo que dice el código; actualícelo"
    );
}

/// Each row of the table of vectors: the text in the first cell has the hash in the second.
#[test]
fn the_test_vectors_of_the_guide_are_right() {
    let guia = std::fs::read_to_string(format!("{DOCS}/guia.md")).unwrap();
    let mut vectores = 0;
    for fila in guia.lines().filter(|l| l.starts_with("| `{\"area_id\"")) {
        let celdas: Vec<&str> = fila.split('`').collect();
        assert_eq!(sha256_hex(celdas[1].as_bytes()), celdas[3], "{fila}");
        vectores += 1;
    }
    assert_eq!(vectores, 2);
}
