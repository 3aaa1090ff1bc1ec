//! Values of the fields that are lists or objects.

use super::{
    Case,
    Expectation::{self, Bien, NoJson},
    bad_at, invalid, json_string,
    spelled::{texts, uuids},
};

/// Lists of names, of which at least `min` must be there.
pub fn names(todos: &[&str], min: usize) -> Vec<Case> {
    let lista = |nombres: &[&str]| serde_json::Value::from(nombres).to_string();
    let uno = todos[1];
    vec![
        (lista(&[uno]), Bien),
        (lista(todos), Bien),
        (
            "[]".into(),
            if min > 0 { invalid("requerido") } else { Bien },
        ),
        (lista(&[&uno.to_uppercase()]), bad_at("[0]", "no_existe")),
        (lista(&[uno, ""]), bad_at("[1]", "no_existe")),
        (lista(&[uno, uno]), bad_at("[1]", "repetido")),
        (lista(&[uno; 1_000]), invalid("demasiados")),
    ]
}

pub fn push_keys() -> Vec<Case> {
    let p256dh =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    let auth = "BTBZMqHH6r4Tts7J_aSIgg";
    let con = |p256dh: &str, auth: &str| format!("{{\"p256dh\": {p256dh}, \"auth\": {auth}}}");
    let (p, a) = (json_string(p256dh), json_string(auth));
    let mut v = vec![(con(&p, &a), Bien)];
    for mala in [
        "\"\"",
        "\"%\"",
        "\"BTBZ\"",
        &json_string(&format!("A{}", &p256dh[1..])),
        &json_string(&"A".repeat(3_000)),
    ] {
        v.push((con(mala, &a), bad_at(".p256dh", "formato")));
    }
    for mala in [
        "\"\"",
        "\"%\"",
        "\"BTBZ\"",
        &json_string(&"A".repeat(3_000)),
    ] {
        v.push((con(&p, mala), bad_at(".auth", "formato")));
    }
    for (miembro, cuerpo) in [(".p256dh", con("null", &a)), (".auth", con(&p, "null"))] {
        v.push((cuerpo, bad_at(miembro, "requerido")));
    }
    for (miembro, cuerpo) in [(".p256dh", con("1", &a)), (".auth", con(&p, "[]"))] {
        v.push((cuerpo, bad_at(miembro, "tipo")));
    }
    v
}

pub fn areas() -> Vec<Case> {
    let mut v = super::numbers(&[
        ("", "[] [1,1,10]"),
        ("no_existe", "[999] [-1] [9223372036854775807]"),
    ]);
    v.push((
        format!("[{}]", vec!["1"; 101].join(",")),
        invalid("demasiados"),
    ));
    v
}

pub fn ubicaciones() -> Vec<Case> {
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
    let mut v = vec![("{\"lon\": 1}".to_owned(), bad_at(".lat", "requerido"))];
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
            v.push((dentro(miembro, &fuera), bad_at(&donde, "rango")));
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
            v.push((dentro(miembro, tipo), bad_at(&donde, "tipo")));
        }
        v.push((dentro(miembro, "NaN"), NoJson));
    }
    v.push((dentro("lat", "null"), bad_at(".lat", "requerido")));
    v.push((dentro("precision_m", "null"), Bien));
    let anidados = texts(0, 255, false)
        .into_iter()
        .filter(|(_, d)| *d != NoJson);
    v.extend(
        anidados.map(|(valor, d)| (dentro("referencia", &valor), nest_under(".referencia", d))),
    );
    v
}

fn nest_under(donde: &str, d: Expectation) -> Expectation {
    match d {
        Expectation::Mal(_, codigo) => bad_at(donde, codigo),
        otro => otro,
    }
}

pub fn manifests() -> Vec<Case> {
    let sha = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let uuid = |i: usize| format!("6f1c2f7e-3c61-4c52-9d0e-{i:012x}");
    let con = |i: usize, miembro: &str, valor: &str| {
        let mut o = vec![
            ("uuid_cliente", json_string(&uuid(i))),
            ("nombre", json_string("roca.jpg")),
            ("tipo", json_string("image/jpeg")),
            ("bytes", "1".to_owned()),
            ("sha256", json_string(sha)),
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
        (lista(21), invalid("demasiados")),
        (lista(1_000), invalid("demasiados")),
        (
            format!("[{}, {}]", bueno(10), bueno(10)),
            invalid("repetido"),
        ),
        (
            format!(
                "[{}, {}]",
                bueno(10),
                con(11, "uuid_cliente", &json_string(&uuid(10).to_uppercase()))
            ),
            invalid("repetido"),
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
        malos.push(("sha256", json_string(s), "formato"));
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
        malos.push(("tipo", json_string(s), "formato"));
    }
    malos.extend(
        uuids()
            .into_iter()
            .map(|(valor, _)| ("uuid_cliente", valor, "formato")),
    );
    for (valor, d) in texts(1, 255, false) {
        match d {
            Expectation::Mal(_, codigo) => malos.push(("nombre", valor, codigo)),
            _ => v.push((format!("[{}]", con(1, "nombre", &valor)), d)),
        }
    }
    v.push((format!("[{}]", con(1, "bytes", "209715200")), Bien));
    for (miembro, valor, codigo) in malos {
        let donde = format!("[1].{miembro}");
        v.push((
            format!("[{}, {}]", bueno(0), con(1, miembro, &valor)),
            bad_at(&donde, codigo),
        ));
    }
    v
}
