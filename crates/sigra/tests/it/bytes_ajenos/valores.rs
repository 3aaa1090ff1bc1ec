//! Values for a field, good and bad, as they stand in a body, and what must be said of each.

/// The kind of a field, with its limits.
#[derive(Clone, Copy, Debug)]
pub enum Clase {
    /// A text of `min` to `max` characters; whether it may have line breaks.
    Texto(usize, usize, bool),
    /// One of a catalogue.
    Id,
    /// A version to compare with.
    Version,
    /// A version that is only kept.
    VersionBase,
    Uuid,
    Fecha,
    Hora,
    Dispositivo,
    Rut,
    Rol,
    Email,
    Logico,
    Areas,
    Ubicacion,
    Manifiesto,
    Clave,
}

/// What the server must say of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dicho {
    /// Nothing: the operation goes on.
    Bien,
    /// 422 with this code, and where inside the field it is.
    Mal(String, &'static str),
    /// 400: no JSON at all.
    NoJson,
    /// Another answer of this operation.
    Otro(u16, &'static str),
}

use Dicho::{Bien, NoJson};

fn mal(codigo: &'static str) -> Dicho {
    Dicho::Mal(String::new(), codigo)
}

fn en(donde: &str, codigo: &'static str) -> Dicho {
    Dicho::Mal(donde.to_owned(), codigo)
}

/// As a JSON string.
fn t(texto: &str) -> String {
    serde_json::Value::from(texto).to_string()
}

/// What is no JSON in any field.
const ROTOS: [&str; 10] = [
    "NaN",
    "Infinity",
    "-Infinity",
    "01",
    "+1",
    ".5",
    "'a'",
    "\"\\x41\"",
    "\"a\nb\"",
    "nulo",
];

/// What JSON can write and no value can hold: half an emoji, and a number beyond all numbers.
const IMPOSIBLES: [&str; 4] = ["1e400", "-1e400", "\"\\ud800\"", "\"\\udc00a\""];

/// Every value worth trying in a field of this kind.
pub fn de(clase: Clase) -> Vec<(String, Dicho)> {
    let mut casos: Vec<(String, Dicho)> = ROTOS.iter().map(|r| ((*r).to_owned(), NoJson)).collect();
    let texto = !matches!(
        clase,
        Clase::Id
            | Clase::Version
            | Clase::VersionBase
            | Clase::Logico
            | Clase::Areas
            | Clase::Ubicacion
            | Clase::Manifiesto
    );
    casos.extend(IMPOSIBLES.map(|v| (v.to_owned(), mal("tipo"))));
    let mut otro_tipo = vec!["1.5", "[[]]", "[1.5]", "-1e3"];
    match clase {
        Clase::Ubicacion => otro_tipo.extend(["1", "\"x\"", "true", "[]", "[1, 2]"]),
        Clase::Manifiesto => {
            otro_tipo.extend(["1", "\"x\"", "true", "{}", "[[]]", "[null]", "[1]"]);
        }
        Clase::Areas => otro_tipo.extend([
            "1",
            "\"1\"",
            "true",
            "{}",
            "[\"1\"]",
            "[null]",
            "[99999999999999999999]",
        ]),
        Clase::Logico => otro_tipo.extend(["1", "0", "\"true\"", "[]", "{}"]),
        Clase::Rut => otro_tipo.extend(["true", "[]", "{}", "99999999999999999999"]),
        _ if texto => {
            otro_tipo.extend(["1", "true", "[]", "{}", "[\"x\"]", "99999999999999999999"]);
        }
        _ => otro_tipo.extend([
            "1.0",
            "\"1\"",
            "true",
            "[]",
            "{}",
            "[1]",
            "9223372036854775808",
            "-9223372036854775809",
            "1e2",
            "99999999999999999999999999999999999999999999",
        ]),
    }
    casos.extend(otro_tipo.into_iter().map(|v| (v.to_owned(), mal("tipo"))));
    casos.extend(propios(clase));
    casos
}

fn propios(clase: Clase) -> Vec<(String, Dicho)> {
    match clase {
        Clase::Texto(min, max, lineas) => textos(min, max, lineas),
        Clase::Id => ids(&[
            "0",
            "-1",
            "999",
            "9223372036854775807",
            "-9223372036854775808",
        ]),
        Clase::Version => [
            "0",
            "-1",
            "2",
            "9223372036854775807",
            "-9223372036854775808",
        ]
        .map(|v| (v.to_owned(), Dicho::Otro(412, "version_desfasada")))
        .to_vec(),
        Clase::VersionBase => [
            ("0", Bien),
            ("9223372036854775807", Bien),
            ("-1", mal("rango")),
        ]
        .map(|(v, d)| (v.to_owned(), d))
        .to_vec(),
        Clase::Uuid => uuids(),
        Clase::Fecha => con_texto(&[
            (
                "formato",
                &[
                    "",
                    "x",
                    "2026-02-30",
                    "2026-13-01",
                    "2026-2-3",
                    "20260203",
                    "2025-02-29",
                    "2026-02-03T00:00:00Z",
                    "+2026-02-03",
                    " 2026-02-03",
                    "٢٠٢٦-٠٢-٠٣",
                    "2026-02-0\0",
                ],
            ),
            (
                "rango",
                &[
                    "1823-01-01",
                    "1969-12-31",
                    "2101-01-01",
                    "9999-12-31",
                    "0000-01-01",
                ],
            ),
            ("", &["1970-01-01", "2024-02-29", "2100-12-31"]),
        ]),
        Clase::Hora => con_texto(&[
            (
                "formato",
                &[
                    "",
                    "x",
                    "2026-02-30T00:00:00Z",
                    "2026-03-01",
                    "2026-03-01T14:03:11",
                    "2026-03-01T25:00:00Z",
                    "2026-03-01T14:60:00Z",
                    "2026-03-01T14:03:11.Z",
                    "2026-03-01T14:03:11.1234567891Z",
                    "2026-03-01T14:03:11+99:00",
                    "2026-03-01T14:03Z",
                    "-001-03-01T14:03:11Z",
                    "2026-03-01T14:03:11Z[America/Santiago]",
                    "1772366400",
                ],
            ),
            (
                "rango",
                &[
                    "1823-01-01T00:00:00Z",
                    "1969-12-31T23:59:59.999Z",
                    "2101-01-01T00:00:00Z",
                    "9999-01-01T00:00:00Z",
                    "0000-01-01T00:00:00Z",
                ],
            ),
            (
                "",
                &[
                    "1970-01-01T00:00:00Z",
                    "2100-12-31T23:59:59.999999999Z",
                    "2026-03-01T14:03:11.1+14:00",
                    "2026-03-01T14:03:11.123456789-11:59",
                ],
            ),
        ]),
        Clase::Dispositivo => con_texto(&[
            (
                "largo",
                &["", &"x".repeat(65), &"x".repeat(100_000), &"ñ".repeat(33)],
            ),
            (
                "caracter_no_permitido",
                &[" ", "con espacio", "a\t", "ñandú", "a\0", "💥", "\u{7f}"],
            ),
            ("", &["x", &"~".repeat(64), "!\"#/:{}"]),
        ]),
        Clase::Rut => ruts(),
        Clase::Rol => con_texto(&[
            (
                "formato",
                &[
                    "",
                    "Administrador",
                    "jefe",
                    "administrador ",
                    "supervisor\0",
                    "1",
                ],
            ),
            ("", &["trabajador"]),
        ]),
        Clase::Email => con_texto(&[
            (
                "largo",
                &["", "a", "a@", &format!("{}@faena.cl", "x".repeat(246))],
            ),
            (
                "formato",
                &["abc", "a@b", "@b.cl", "a b@c.cl", "a@b cl", "a@\u{a0}.cl"],
            ),
            (
                "caracter_no_permitido",
                &["a@b.cl\0", "a@b\n.cl", "a\r\nBcc: x@b.cl"],
            ),
            (
                "",
                &[
                    "a@b.cl",
                    "\"a@b\"@c.d",
                    "ñ💥@faena.cl",
                    &format!("{}@faena.cl", "x".repeat(245)),
                ],
            ),
        ]),
        Clase::Logico => vec![],
        Clase::Areas => vec![
            ("[]".into(), Bien),
            ("[1, 1, 10]".into(), Bien),
            ("[999]".into(), mal("no_existe")),
            ("[-1]".into(), mal("no_existe")),
            ("[9223372036854775807]".into(), mal("no_existe")),
            (format!("[{}]", vec!["1"; 101].join(",")), mal("demasiados")),
        ],
        Clase::Ubicacion => ubicaciones(),
        Clase::Manifiesto => manifiestos(),
        Clase::Clave => con_texto(&[(
            "largo",
            &["", "siete77", &"x".repeat(129), &"x".repeat(500_000)],
        )]),
    }
}

fn con_texto(grupos: &[(&'static str, &[&str])]) -> Vec<(String, Dicho)> {
    let dicho = |c: &'static str| if c.is_empty() { Bien } else { mal(c) };
    grupos
        .iter()
        .flat_map(|(c, valores)| valores.iter().map(|v| (t(v), dicho(c))))
        .collect()
}

fn ids(ausentes: &[&str]) -> Vec<(String, Dicho)> {
    let mut v: Vec<_> = ausentes
        .iter()
        .map(|a| ((*a).to_owned(), mal("no_existe")))
        .collect();
    v.push(("1".to_owned(), Bien));
    v
}

fn textos(min: usize, max: usize, lineas: bool) -> Vec<(String, Dicho)> {
    let linea = if lineas {
        Bien
    } else {
        mal("caracter_no_permitido")
    };
    let vacio = if min == 0 { Bien } else { mal("largo") };
    // One character is one code point: an emoji is one, a letter with its combining accent is two.
    let mut v = vec![
        (t(""), vacio.clone()),
        (t(" \u{a0}\u{3000}"), vacio),
        (t("\0"), mal("caracter_no_permitido")),
        (t("a\0b"), mal("caracter_no_permitido")),
        ("\"a\\u0000\"".to_owned(), mal("caracter_no_permitido")),
        (t("a\nb\tc\r\u{1b}"), linea),
        (t(&"x".repeat(max)), Bien),
        (t(&"x".repeat(max + 1)), mal("largo")),
        (t(&"💥".repeat(max)), Bien),
        (t(&"💥".repeat(max + 1)), mal("largo")),
        (t(&"e\u{301}".repeat(max / 2)), Bien),
        (t(&"e\u{301}".repeat(max / 2 + 1)), mal("largo")),
        (t(&"👩‍👩‍👧".repeat(max / 5)), Bien),
        (t(&"x".repeat(max * 5)), mal("largo")),
        (
            t("'; DROP TABLE reportes; -- \" \\ % _ <script> \u{202e} \u{feff} \u{ffff}"),
            Bien,
        ),
        // Half of the escapes of an emoji each: together they are one.
        ("\"\\ud83d\\udca5\"".to_owned(), Bien),
    ];
    if max < 60 {
        v.retain(|(_, d)| *d != Bien);
    }
    v
}

fn uuids() -> Vec<(String, Dicho)> {
    con_texto(&[(
        "formato",
        &[
            "",
            "x",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "6fa459ea-ee8a-11e9-8a4b-0242ac130003",
            "6fa459ea-ee8a-3ca4-894e-db77e160355e",
            "886313e1-3b8a-5372-9b90-0c9aee199e5d",
            "6f1c2f7e3c614c529d0e5a8a4b8f0c11",
            "{6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11}",
            "urn:uuid:6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11",
            "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c1",
            "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11 ",
            "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0cñ",
            "6g1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11",
            "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c1\0",
        ],
    )])
}

fn ruts() -> Vec<(String, Dicho)> {
    let mut v = con_texto(&[
        (
            "formato",
            &[
                "",
                "x",
                "0",
                "-5",
                "123456789",
                "100.000.000-0",
                "12.34.5678-5",
                "12.345.678-",
                "12345678-55",
                "12.345.678--5",
                "1.2.3",
                "１２３４５６７８",
                "12345678-5\0",
                "12,345,678-5",
                "12345678\u{2212}5",
                "k-1",
            ],
        ),
        (
            "digito_verificador",
            &["12345678-4", "12.345.678-K", "6-0", "1-k"],
        ),
    ]);
    for numero in ["0", "-5", "100000000", "9223372036854775807"] {
        v.push((numero.to_owned(), mal("formato")));
    }
    v
}

fn ubicaciones() -> Vec<(String, Dicho)> {
    let dentro = |miembro: &str, valor: &str| {
        let mut o = vec![
            ("lat", "-33.5"),
            ("lon", "-70"),
            ("precision_m", "5"),
            ("referencia", "\"aquí\""),
        ];
        o.retain(|(m, _)| *m != miembro);
        o.push((miembro, valor));
        let todo: Vec<String> = o.iter().map(|(m, v)| format!("\"{m}\": {v}")).collect();
        format!("{{{}}}", todo.join(", "))
    };
    let mut v = vec![("{\"lon\": 1}".to_owned(), en(".lat", "requerido"))];
    for (miembro, max, min) in [
        ("lat", 90, -90),
        ("lon", 180, -180),
        ("precision_m", 10_000_000, 0),
    ] {
        let donde = format!(".{miembro}");
        for fuera in [
            format!("{max}.0000001"),
            format!("{}", min - 1),
            "1e308".to_owned(),
            "-1e308".to_owned(),
        ] {
            v.push((dentro(miembro, &fuera), en(&donde, "rango")));
        }
        for bien in [
            max.to_string(),
            min.to_string(),
            "0".to_owned(),
            "-0.0".to_owned(),
            "1e-300".to_owned(),
        ] {
            v.push((dentro(miembro, &bien), Bien));
        }
        for tipo in ["\"1\"", "true", "[]", "{}", "[1]"] {
            v.push((dentro(miembro, tipo), en(&donde, "tipo")));
        }
        v.push((dentro(miembro, "NaN"), NoJson));
    }
    v.push((dentro("lat", "null"), en(".lat", "requerido")));
    v.push((dentro("precision_m", "null"), Bien));
    let anidados = textos(0, 255, false)
        .into_iter()
        .filter(|(_, d)| *d != NoJson);
    v.extend(
        anidados.map(|(valor, d)| (dentro("referencia", &valor), dentro_de(".referencia", d))),
    );
    v
}

fn dentro_de(donde: &str, d: Dicho) -> Dicho {
    match d {
        Dicho::Mal(_, codigo) => en(donde, codigo),
        otro => otro,
    }
}

fn manifiestos() -> Vec<(String, Dicho)> {
    let sha = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let uuid = |i: usize| format!("6f1c2f7e-3c61-4c52-9d0e-{i:012x}");
    let con = |i: usize, miembro: &str, valor: &str| {
        let mut o = vec![
            ("uuid_cliente", t(&uuid(i))),
            ("nombre", t("roca.jpg")),
            ("tipo", t("image/jpeg")),
            ("bytes", "1".to_owned()),
            ("sha256", t(sha)),
        ];
        o.retain(|(m, _)| *m != miembro);
        o.push((miembro, valor.to_owned()));
        let todo: Vec<String> = o.iter().map(|(m, v)| format!("\"{m}\": {v}")).collect();
        format!("{{{}}}", todo.join(", "))
    };
    let bueno = |i| con(i, "x", "1");
    let lista = |n: usize| format!("[{}]", (0..n).map(bueno).collect::<Vec<_>>().join(", "));
    let mut v = vec![
        (lista(0), Bien),
        (lista(20), Bien),
        (lista(21), mal("demasiados")),
        (lista(1_000), mal("demasiados")),
        (format!("[{}, {}]", bueno(10), bueno(10)), mal("repetido")),
        (
            format!(
                "[{}, {}]",
                bueno(10),
                con(11, "uuid_cliente", &t(&uuid(10).to_uppercase()))
            ),
            mal("repetido"),
        ),
    ];
    let mut malos: Vec<(&str, String, &'static str)> = Vec::new();
    for (miembro, otro_tipo) in [
        ("uuid_cliente", "1"),
        ("nombre", "[]"),
        ("tipo", "{}"),
        ("bytes", "\"1\""),
        ("sha256", "7"),
    ] {
        malos.push((miembro, otro_tipo.to_owned(), "tipo"));
        malos.push((miembro, "null".to_owned(), "requerido"));
    }
    for bytes in ["0", "-1", "209715201", "9223372036854775807"] {
        malos.push(("bytes", bytes.to_owned(), "rango"));
    }
    malos.push(("bytes", "1.5".to_owned(), "tipo"));
    for s in [
        "",
        &sha[1..],
        &format!("{sha}0"),
        &sha.to_uppercase(),
        &format!("g{}", &sha[1..]),
        &format!("é{}", &sha[2..]),
    ] {
        malos.push(("sha256", t(s), "formato"));
    }
    for s in [
        "",
        "image",
        "image/",
        "/jpeg",
        "image/jpeg; q=1",
        "image/jpeg/x",
        "ñ/x",
        &format!("a/{}", "x".repeat(99)),
    ] {
        malos.push(("tipo", t(s), "formato"));
    }
    malos.extend(
        uuids()
            .into_iter()
            .map(|(valor, _)| ("uuid_cliente", valor, "formato")),
    );
    for (valor, d) in textos(1, 255, false) {
        match d {
            Dicho::Mal(_, codigo) => malos.push(("nombre", valor, codigo)),
            _ => v.push((format!("[{}]", con(1, "nombre", &valor)), d)),
        }
    }
    v.push((format!("[{}]", con(1, "bytes", "209715200")), Bien));
    for (miembro, valor, codigo) in malos {
        let donde = format!("[1].{miembro}");
        v.push((
            format!("[{}, {}]", bueno(0), con(1, miembro, &valor)),
            en(&donde, codigo),
        ));
    }
    v
}
