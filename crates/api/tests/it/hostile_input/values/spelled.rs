//! Values of the fields that are written as texts.

use super::{Case, Expectation::Bien, invalid, json_string};

/// Groups of texts separated by bars; no code means that they are right.
pub fn written(grupos: &[(&'static str, &str)]) -> Vec<Case> {
    let dicho = |c: &'static str| if c.is_empty() { Bien } else { invalid(c) };
    grupos
        .iter()
        .flat_map(|(c, valores)| valores.split('|').map(|v| (json_string(v), dicho(c))))
        .collect()
}

/// One character is one code point: an emoji is one, a letter with its combining accent is two.
pub fn texts(min: usize, max: usize, lineas: bool) -> Vec<Case> {
    let no = || invalid("caracter_no_permitido");
    let linea = if lineas { Bien } else { no() };
    let vacio = if min == 0 { Bien } else { invalid("largo") };
    let raro = "'; DROP TABLE reportes; -- \" \\ % _ <script> \u{202e} \u{feff} \u{ffff}";
    vec![
        (json_string(""), vacio.clone()),
        (json_string(" \u{a0}\u{3000}"), vacio),
        (json_string("\0"), no()),
        (json_string("a\0b"), no()),
        ("\"a\\u0000\"".to_owned(), no()),
        (json_string("a\nb\tc\r\u{1b}d"), linea),
        (json_string(&"x".repeat(max)), Bien),
        (json_string(&"x".repeat(max + 1)), invalid("largo")),
        (json_string(&"x".repeat(max * 5)), invalid("largo")),
        (json_string(&"💥".repeat(max)), Bien),
        (json_string(&"💥".repeat(max + 1)), invalid("largo")),
        (json_string(&"e\u{301}".repeat(max / 2)), Bien),
        (
            json_string(&"e\u{301}".repeat(max / 2 + 1)),
            invalid("largo"),
        ),
        (json_string(&"👩‍👩‍👧".repeat(max / 5)), Bien),
        (json_string(raro), Bien),
        // Half of an emoji and its other half: together they are one.
        ("\"\\ud83d\\udca5\"".to_owned(), Bien),
    ]
}

pub fn hashes() -> Vec<Case> {
    written(&[
        (
            "formato",
            "|x|e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
        ),
        (
            "formato",
            "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        ),
        (
            "",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
    ])
}

pub fn dates() -> Vec<Case> {
    written(&[
        (
            "formato",
            "|x|2026-02-30|2026-13-01|2026-2-3|20260203|2025-02-29|2026-02-03T00:00:00Z",
        ),
        (
            "formato",
            "+2026-02-03| 2026-02-03|٢٠٢٦-٠٢-٠٣|2026-02-0\0|2026/02/03|hoy",
        ),
        (
            "rango",
            "1823-01-01|1969-12-31|2101-01-01|9999-12-31|0000-01-01",
        ),
        ("", "1970-01-01|2024-02-29|2100-12-31"),
    ])
}

pub fn hours() -> Vec<Case> {
    written(&[
        (
            "formato",
            "|x|2026-02-30T00:00:00Z|2026-03-01|2026-03-01T14:03:11|1772366400",
        ),
        (
            "formato",
            "2026-03-01T25:00:00Z|2026-03-01T14:60:00Z|2026-03-01T14:03:11.Z",
        ),
        (
            "formato",
            "2026-03-01T14:03:11.1234567891Z|2026-03-01T14:03:11+99:00|2026-03-01T14:03Z",
        ),
        (
            "formato",
            "-001-03-01T14:03:11Z|2026-03-01T14:03:11Z[America/Santiago]",
        ),
        (
            "rango",
            "1823-01-01T00:00:00Z|1969-12-31T23:59:59.999Z|2101-01-01T00:00:00Z",
        ),
        ("rango", "9999-01-01T00:00:00Z|0000-01-01T00:00:00Z"),
        (
            "",
            "1970-01-01T00:00:00Z|2100-12-31T23:59:59.999999999Z|2026-03-01T14:03:11.1+14:00",
        ),
        ("", "2026-03-01T14:03:11.123456789-11:59"),
    ])
}

pub fn dispositivos() -> Vec<Case> {
    written(&[
        ("largo", ""),
        ("largo", &"x".repeat(65)),
        ("largo", &"x".repeat(100_000)),
        ("largo", &"ñ".repeat(33)),
        (
            "caracter_no_permitido",
            " |con espacio|a\t|ñandú|a\0|💥|\u{7f}",
        ),
        ("", "x|!\"#/:{}"),
        ("", &"~".repeat(64)),
    ])
}

pub fn roles() -> Vec<Case> {
    written(&[
        (
            "formato",
            "|Administrador|jefe|administrador |supervisor\0|1",
        ),
        ("", "trabajador"),
    ])
}

pub fn languages() -> Vec<Case> {
    written(&[("no_existe", "|ES|es-CL|español|en\0"), ("", "es|en")])
}

pub fn plazos() -> Vec<Case> {
    written(&[
        (
            "formato",
            "|mañana|2030-1-1|2030-02-30|2030-01-01T00:00:00Z|01-01-2030|2030-01-01\0",
        ),
        ("rango", "2020-01-01|9999-12-31"),
        ("", "2030-01-01|2032-02-29"),
    ])
}

pub fn accion_estados() -> Vec<Case> {
    written(&[
        ("no_existe", "|Hecha|cerrada|hecha\0"),
        ("", "abierta|hecha|verificada"),
    ])
}

/// Where something may be sent: names are not looked up here.
pub fn urls() -> Vec<Case> {
    written(&[
        (
            "formato",
            "|x|/x|ftp://ejemplo.cl|http://ejemplo.cl/|https://10.0.0.1/|https://[::1]/|https://u:c@ejemplo.cl/|javascript:1",
        ),
        (
            "largo",
            &format!("https://ejemplo.cl/{}", "x".repeat(2_000)),
        ),
        ("", "https://ejemplo.cl|https://ejemplo.cl:8443/a?b=c"),
    ])
}

pub fn emails() -> Vec<Case> {
    let de = |n: usize| format!("{}@faena.cl", "x".repeat(n));
    written(&[
        ("largo", "|a|a@"),
        ("largo", &de(246)),
        ("formato", "abc|a@b|@b.cl|a b@c.cl|a@b cl|a@\u{a0}.cl"),
        (
            "caracter_no_permitido",
            "a@b.cl\0|a@b\n.cl|a\r\nBcc: x@b.cl",
        ),
        ("", "a@b.cl|\"a@b\"@c.d|ñ💥@faena.cl"),
        ("", &de(245)),
    ])
}

/// A new password.
pub fn passwords() -> Vec<Case> {
    written(&[
        ("largo", "|siete77"),
        ("largo", &"x".repeat(129)),
        ("largo", &"x".repeat(500_000)),
    ])
}

pub fn uuids() -> Vec<Case> {
    written(&[
        (
            "formato",
            "|x|00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff",
        ),
        // Versions 1, 3 and 5.
        (
            "formato",
            "6fa459ea-ee8a-11e9-8a4b-0242ac130003|6fa459ea-ee8a-3ca4-894e-db77e160355e",
        ),
        (
            "formato",
            "886313e1-3b8a-5372-9b90-0c9aee199e5d|6f1c2f7e3c614c529d0e5a8a4b8f0c11",
        ),
        (
            "formato",
            "{6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11}|6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c1",
        ),
        ("formato", "urn:uuid:6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11"),
        (
            "formato",
            "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11 |6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0cñ",
        ),
        (
            "formato",
            "6g1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11|6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c1\0",
        ),
    ])
}

pub fn ruts() -> Vec<Case> {
    let mut v = written(&[
        (
            "formato",
            "|x|0|-5|123456789|100.000.000-0|12.34.5678-5|12.345.678-|12345678-55|k-1",
        ),
        (
            "formato",
            "12.345.678--5|1.2.3|１２３４５６７８|12345678-5\0|12,345,678-5|12345678\u{2212}5",
        ),
        ("digito_verificador", "12345678-4|12.345.678-K|6-0|1-k"),
    ]);
    v.extend(super::numbers(&[(
        "formato",
        "0 -5 100000000 9223372036854775807",
    )]));
    v
}
