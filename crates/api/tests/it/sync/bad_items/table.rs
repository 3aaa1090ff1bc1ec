//! Every kind of item that is refused, and what is said of it.

use serde_json::{Value, json};

use super::status::{archivo, archivos};
use sigra_testkit::{reporte_in, uuid};

/// An item that is refused, as it is written.
pub struct BadItem {
    pub que: String,
    pub item: Vec<u8>,
    /// Its `uuid_cliente` as sent, null when none can be told.
    pub eco: Value,
    pub codigo: &'static str,
    pub errores: Vec<(&'static str, &'static str)>,
}

/// A good report with one field written as `valor`.
pub fn written(campo: &str, valor: &str) -> String {
    let mut item = reporte_in(1);
    item[campo] = json!("@aquí@");
    item.to_string().replace("\"@aquí@\"", valor)
}

pub fn invalid_item(
    que: &str,
    item: impl Into<Vec<u8>>,
    errores: &[(&'static str, &'static str)],
) -> BadItem {
    let item = item.into();
    BadItem {
        que: que.to_owned(),
        eco: echo(&item),
        item,
        codigo: "datos_invalidos",
        errores: errores.to_vec(),
    }
}

/// Found as text: half of these items no parser takes.
fn echo(item: &[u8]) -> Value {
    let texto = String::from_utf8_lossy(item);
    let Some((_, valor)) = texto.rsplit_once("\"uuid_cliente\":") else {
        return Value::Null;
    };
    let mut valores = serde_json::Deserializer::from_str(valor).into_iter();
    valores.next().expect("valor").expect(valor)
}

/// Field, values separated by bars, code: what is wrong with the field itself.
const BAD_FIELDS: &[(&str, &str, &str)] = &[
    ("titulo", "null", "requerido"),
    (
        "titulo",
        r#"1|[]|{"es": "Roca"}|1e999|"\ud800"|"\udca5\ud83d"|"#,
        "tipo",
    ),
    ("titulo", r#"""|"  ""#, "largo"),
    (
        "titulo",
        r#""a\u0000"|"a\nb"|"\u0007""#,
        "caracter_no_permitido",
    ),
    ("descripcion", "null", "requerido"),
    ("descripcion", r#"[]|-1e999|"\udc00""#, "tipo"),
    ("descripcion", r#""\u0000""#, "caracter_no_permitido"),
    ("area_id", "null", "requerido"),
    (
        "area_id",
        r#""1"|1.0|1e999|true|9223372036854775808"#,
        "tipo",
    ),
    // 9 is out of use.
    ("area_id", "999|0|-1|9", "no_existe"),
    ("severidad_id", r#""Alta"|[3]"#, "tipo"),
    ("severidad_id", "77|2", "no_existe"),
    ("uuid_cliente", "null", "requerido"),
    ("uuid_cliente", r#"5|["x"]|{}"#, "tipo"),
    (
        "uuid_cliente",
        r#"""|"x"|"00000000-0000-0000-0000-000000000000"|"6fa459ea-ee8a-11e9-8a4b-0242ac130003""#,
        "formato",
    ),
    (
        "fecha_reporte",
        r#""2026-02-30"|"hoy"|"2026-03-01T00:00:00Z""#,
        "formato",
    ),
    ("fecha_reporte", r#""2101-01-01"|"1969-12-31""#, "rango"),
    ("fecha_reporte", "20260301", "tipo"),
    ("hora_creado", r#""ayer"|"2026-03-01T14:03:11""#, "formato"),
    ("hora_creado", r#""9999-01-01T00:00:00Z""#, "rango"),
    ("device_id", r#""con espacio"|"ñ""#, "caracter_no_permitido"),
    ("device_id", r#""""#, "largo"),
    ("ubicacion", r#"[-33, -70]|"aquí"|7"#, "tipo"),
    ("multimedia", r#"{}|[null]|"roca.jpg""#, "tipo"),
    ("version_base", "-1", "rango"),
    ("version_base", r#""1"|1.5|1e999"#, "tipo"),
];

pub fn bad_fields() -> Vec<BadItem> {
    let mut v = vec![];
    for (campo, valores, codigo) in BAD_FIELDS {
        for valor in valores.split('|').filter(|v| !v.is_empty()) {
            let item = written(campo, valor);
            v.push(invalid_item(
                &format!("{campo} = {valor}"),
                item,
                &[(campo, codigo)],
            ));
        }
    }
    let texto = |n: usize| json!("x".repeat(n)).to_string();
    let hondo = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let mismo = archivo(&uuid());
    let otra_vez = archivo(&mismo["uuid_cliente"].as_str().unwrap().to_uppercase());
    let mut sin_hash = archivo(&uuid());
    sin_hash["sha256"] = json!("ABC");
    for (campo, valor, donde, codigo) in [
        ("titulo", texto(256), "titulo", "largo"),
        ("titulo", hondo, "titulo", "tipo"),
        ("descripcion", texto(10_001), "descripcion", "largo"),
        ("descripcion", texto(2 << 20), "descripcion", "largo"),
        ("device_id", texto(65), "device_id", "largo"),
        (
            "ubicacion",
            r#"{"lat": 90.1, "lon": 0}"#.into(),
            "ubicacion.lat",
            "rango",
        ),
        (
            "ubicacion",
            r#"{"lat": 0, "lon": -181}"#.into(),
            "ubicacion.lon",
            "rango",
        ),
        (
            "ubicacion",
            r#"{"lat": 0}"#.into(),
            "ubicacion.lon",
            "requerido",
        ),
        (
            "ubicacion",
            r#"{"lat": 1e999, "lon": 0}"#.into(),
            "ubicacion.lat",
            "tipo",
        ),
        (
            "multimedia",
            archivos(21).to_string(),
            "multimedia",
            "demasiados",
        ),
        (
            "multimedia",
            json!([mismo, otra_vez]).to_string(),
            "multimedia",
            "repetido",
        ),
        (
            "multimedia",
            json!([sin_hash]).to_string(),
            "multimedia[0].sha256",
            "formato",
        ),
    ] {
        let corto: String = valor.chars().take(40).collect();
        v.push(invalid_item(
            &format!("{campo} = {corto}"),
            written(campo, &valor),
            &[(donde, codigo)],
        ));
    }
    v
}

/// What is wrong as a whole.
pub fn bad_items() -> Vec<BadItem> {
    const REQUIRED_FIELDS: [&str; 5] = [
        "titulo",
        "descripcion",
        "area_id",
        "severidad_id",
        "uuid_cliente",
    ];
    let hondo =
        |abre: &str, cierra: &str| format!("{}1{}", abre.repeat(10_000), cierra.repeat(10_000));
    let mut v: Vec<BadItem> = [
        "null",
        "\"un reporte\"",
        "\"\\ud800\"",
        "[]",
        "[\"Roca\", \"Suelta\", 1, 3]",
        "7",
        "-0.0",
        "1e999",
        "true",
        &hondo("[", "]"),
        &hondo("[{\"x\": ", "}]"),
    ]
    .map(|item| invalid_item(&item[..item.len().min(30)], item, &[("", "tipo")]))
    .into();
    v.push(invalid_item(
        "{}",
        "{}",
        &REQUIRED_FIELDS.map(|c| (c, "requerido")),
    ));
    for campo in REQUIRED_FIELDS {
        let mut item = reporte_in(1);
        item.as_object_mut().unwrap().remove(campo);
        v.push(invalid_item(
            &format!("sin {campo}"),
            item.to_string(),
            &[(campo, "requerido")],
        ));
    }
    let uno = reporte_in(1).to_string();
    v.push(invalid_item(
        "título dos veces",
        format!("{{\"titulo\": \"otro\", {}", &uno[1..]),
        &[("", "tipo")],
    ));
    let dos_uuid = format!(
        "{{\"uuid_cliente\": \"{}\", {}",
        uuid(),
        &reporte_in(1).to_string()[1..]
    );
    v.push(BadItem {
        eco: Value::Null,
        ..invalid_item("uuid dos veces", dos_uuid, &[("", "tipo")])
    });
    let largo = written("uuid_cliente", &json!("x".repeat(300)).to_string());
    v.push(BadItem {
        eco: Value::Null,
        ..invalid_item("uuid muy largo", largo, &[("uuid_cliente", "formato")])
    });
    for campo in ["titulo", "futuro"] {
        let mut item = written(campo, "\"a@b\"").into_bytes();
        let lugar = item.iter().position(|b| *b == b'@').unwrap();
        item[lugar] = 0xff;
        let errores = [("", "caracter_no_permitido")];
        v.push(invalid_item(
            &format!("{campo} no es UTF-8"),
            item,
            &errores,
        ));
    }
    let mut varios = reporte_in(1);
    (varios["titulo"], varios["area_id"], varios["ubicacion"]) =
        (json!(""), json!("1"), json!({"lat": 91}));
    v.push(invalid_item(
        "varios a la vez",
        varios.to_string(),
        &[
            ("titulo", "largo"),
            ("area_id", "tipo"),
            ("ubicacion.lat", "rango"),
            ("ubicacion.lon", "requerido"),
        ],
    ));
    v
}
