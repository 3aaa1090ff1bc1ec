//! Values of the fields that only phones send.

use super::{
    Case,
    Expectation::{Bien, Otro},
    bad_at, invalid, json_string,
    spelled::{uuids, written},
};

/// A clock may be wrong by thousands of years, and still says how wrong it is.
pub fn clocks() -> Vec<Case> {
    written(&[
        (
            "formato",
            "|x|2026-02-30T00:00:00Z|2026-03-01|2026-03-01T14:03:11|1772366400",
        ),
        (
            "formato",
            "2026-03-01T25:00:00Z|2026-03-01T14:03:11.Z|+12026-03-01T14:03:11Z|hoy\0",
        ),
        (
            "",
            "0000-01-01T00:00:00Z|1970-01-01T00:00:00Z|9999-12-30T00:00:00Z",
        ),
        (
            "",
            "2026-03-01T14:03:11.123456789-11:59|2026-03-01T14:03:11.1+14:00",
        ),
    ])
}

/// Whatever the items are, the batch is answered.
pub fn batches() -> Vec<Case> {
    let mut v: Vec<Case> = [
        "[]",
        "[null]",
        "[[]]",
        "[1.5]",
        "[1e400]",
        "[\"\\ud800\"]",
        "[{}, {\"\\ud800\": 1}]",
        "[{\"uuid_cliente\": {}, \"titulo\": [[]]}]",
    ]
    .map(|lista| (lista.to_owned(), Bien))
    .into();
    let nulos = |n: usize| format!("[{}]", vec!["null"; n].join(","));
    v.push((nulos(500), Bien));
    v.push((nulos(501), Otro(413, "lote_muy_grande")));
    v
}

pub fn held_reportes() -> Vec<Case> {
    let sha = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let uuid = "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11";
    let con = |miembro: &str, valor: &str| {
        let mut o = vec![
            ("uuid_cliente", json_string(uuid)),
            ("sha256_contenido", json_string(sha)),
            ("version", "1".to_owned()),
        ];
        o.retain(|(m, _)| *m != miembro);
        o.push((miembro, valor.to_owned()));
        let todo: Vec<String> = o.iter().map(|(m, v)| format!("\"{m}\": {v}")).collect();
        format!("{{{}}}", todo.join(", "))
    };
    let bueno = con("x", "[[]]");
    let lista = |n: usize| format!("[{}]", vec![&*bueno; n].join(","));
    let mut v = vec![
        (lista(0), Bien),
        (lista(3), Bien),
        (format!("[{}]", con("version", "null")), Bien),
        (
            format!("[{}]", con("version", "-9223372036854775808")),
            Bien,
        ),
        (
            format!(
                "[{}]",
                con("uuid_cliente", &json_string(&uuid.to_uppercase()))
            ),
            Bien,
        ),
        (lista(10_001), Otro(413, "reconciliacion_muy_grande")),
    ];
    let mut malos = vec![
        ("uuid_cliente", "1".to_owned(), "tipo"),
        ("uuid_cliente", "null".to_owned(), "requerido"),
        ("sha256_contenido", "{}".to_owned(), "tipo"),
        ("sha256_contenido", "null".to_owned(), "requerido"),
        ("version", "\"1\"".to_owned(), "tipo"),
        ("version", "1.0".to_owned(), "tipo"),
        ("version", "9223372036854775808".to_owned(), "tipo"),
    ];
    for s in ["", &sha[1..], &format!("{sha}0"), &sha.to_uppercase()] {
        malos.push(("sha256_contenido", json_string(s), "formato"));
    }
    let otros = uuids().into_iter();
    malos.extend(otros.map(|(valor, _)| ("uuid_cliente", valor, "formato")));
    for (miembro, valor, codigo) in malos {
        let todo = format!("[{bueno}, {}]", con(miembro, &valor));
        v.push((todo, bad_at(&format!("[1].{miembro}"), codigo)));
    }
    v
}

pub fn decisiones() -> Vec<Case> {
    written(&[
        ("no_existe", "|Cliente|cliente |ambos|servidor\0|1"),
        ("", "servidor|cliente|mezcla"),
    ])
}

/// Of a decision that mixes.
pub fn sides() -> Vec<Case> {
    let v = |texto: &str, dicho| (texto.to_owned(), dicho);
    let sobra = || invalid("no_en_conflicto");
    vec![
        v(r#"{"titulo": "cliente"}"#, Bien),
        v(r#"{"titulo": "servidor"}"#, Bien),
        v("null", bad_at(".titulo", "requerido")),
        v("{}", bad_at(".titulo", "requerido")),
        v(r#"{"titulo": "Cliente"}"#, bad_at(".titulo", "no_existe")),
        v(r#"{"titulo": ""}"#, bad_at(".titulo", "no_existe")),
        v(r#"{"titulo": 1}"#, invalid("tipo")),
        v(r#"{"titulo": null}"#, invalid("tipo")),
        v(r#"{"titulo": ["cliente"]}"#, invalid("tipo")),
        v(r#"{"titulo": "\ud800"}"#, invalid("tipo")),
        v(r#"{"titulo": "cliente", "x": "cliente"}"#, sobra()),
        v(r#"{"titulo": "cliente", "": "cliente"}"#, sobra()),
        v(r#"{"titulo": "cliente", "\u0000": "x"}"#, sobra()),
        v(r#"{"titulo": "cliente", "estado_id": "cliente"}"#, sobra()),
        v(
            r#"{"titulo": "cliente", "descripcion": "servidor"}"#,
            bad_at(".descripcion", "no_en_conflicto"),
        ),
    ]
}
