//! Random mutations of valid requests to every operation: never a 500, always a described problem.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{example, reporte};
use sigra_testkit::{
    ApiResponse, Persona, Rng, TestSite, both_databases, iterations, openapi::Operation,
    openapi::operations, uuid,
};

/// A value of any kind, the awkward ones first.
fn random_value(azar: &mut Rng, hondo: usize) -> Value {
    match azar.below(14) {
        0 => json!(null),
        1 => json!(azar.one_in(2)),
        2 => json!(*azar.pick(&[0, 1, -1, 2, i64::MAX, i64::MIN, 99_999_999, 1 << 53])),
        3 => json!(*azar.pick(&[0.5, -0.0, 1e308, -1e-308, 90.000_001, 1e15])),
        4 => json!(azar.decimal(1e6)),
        5 => json!(u64::MAX),
        6 => json!(*azar.pick(&[
            "",
            " ",
            "\0",
            "ñ💥",
            "2026-02-30",
            "9999-12-31T23:59:59Z",
            "null",
            "'; --",
            "\u{202e}"
        ])),
        7 => json!("x".repeat(azar.below(400))),
        8 => json!("💥".repeat(azar.below(11_000))),
        9 => json!(uuid()),
        10 => json!(azar.u64().to_string()),
        11 if hondo > 0 => (0..azar.below(30))
            .map(|_| random_value(azar, hondo - 1))
            .collect(),
        12 if hondo > 0 => {
            let nombres = ["lat", "lon", "uuid_cliente", "bytes", "", "rut", "x"];
            let pares = (0..azar.below(6)).map(|_| {
                (
                    (*azar.pick(&nombres)).to_owned(),
                    random_value(azar, hondo - 1),
                )
            });
            Value::Object(pares.collect())
        }
        _ => json!(azar.below(12)),
    }
}

/// Changes something somewhere in it.
fn mutate(azar: &mut Rng, v: &mut Value) {
    match v {
        Value::Object(o) if !o.is_empty() && !azar.one_in(6) => {
            let claves: Vec<String> = o.keys().cloned().collect();
            let clave = azar.pick(&claves).clone();
            match azar.below(6) {
                0 => drop(o.remove(&clave)),
                1 => {
                    let nombres = [
                        "titulo",
                        "version",
                        "ubicacion",
                        "multimedia",
                        "areas",
                        "activo",
                        "detalle",
                        "estado_id",
                    ];
                    o.insert((*azar.pick(&nombres)).to_owned(), random_value(azar, 3));
                }
                2 | 3 => mutate(azar, &mut o[&clave]),
                _ => o[&clave] = random_value(azar, 3),
            }
        }
        Value::Array(a) if !a.is_empty() && !azar.one_in(4) => {
            let i = azar.below(a.len());
            mutate(azar, &mut a[i]);
        }
        Value::String(t) if azar.one_in(2) => {
            let letras: Vec<char> = t.chars().collect();
            let corte = azar.below(letras.len() + 1);
            let trozo = *azar.pick(&["", "\0", "-", "0", "é", " ", "\n", "99999999"]);
            *t = letras[..corte].iter().collect::<String>()
                + trozo
                + &letras[corte..].iter().collect::<String>();
        }
        otro => *otro = random_value(azar, 2),
    }
}

/// The bytes of a body, now and then no longer JSON.
fn bytes(azar: &mut Rng, v: &Value) -> Vec<u8> {
    let mut b = v.to_string().into_bytes();
    if azar.one_in(8) {
        for _ in 0..=azar.below(3) {
            let i = azar.below(b.len());
            match azar.below(3) {
                0 => b[i] = u8::try_from(azar.below(256)).expect("byte"),
                1 => b.truncate(i.max(1)),
                _ => b.insert(i, *azar.pick(b"{}[]\",:0\\\xff\0")),
            }
        }
    }
    b
}

fn random_segment(azar: &mut Rng, conocidos: &[String]) -> String {
    if azar.one_in(4) {
        return (*azar.pick(&[
            "0",
            "-1",
            "%00",
            "%ff",
            "x",
            "9223372036854775807",
            "99999999999999999999",
            "1-9",
            "%252e",
            "ñ",
        ]))
        .to_owned();
    }
    azar.pick(conocidos).clone()
}

fn query(azar: &mut Rng, op: &Operation) -> String {
    let nombres: Vec<&str> = op.json["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|p| p["in"] == "query")
        .filter_map(|p| p["name"].as_str())
        .collect();
    if nombres.is_empty() || azar.one_in(3) {
        return String::new();
    }
    let valores = [
        "1",
        "",
        "x",
        "%00",
        "%ff",
        "-1",
        "2026-03-01",
        "2026-03-01T00:00:00Z",
        "true",
        "supervisor",
        "Pendiente",
        "%25",
        "12345678-5",
        "-id",
        "fecha_reporte",
        "eyJsIjoiIiwicCI6MX0",
        "200",
        "99999999999999999999",
        "crear",
    ];
    let pares: Vec<String> = (0..=azar.below(4))
        .map(|_| format!("{}={}", azar.pick(&nombres), azar.pick(&valores)))
        .collect();
    format!("?{}", pares.join("&"))
}

fn pick_str<'a>(azar: &mut Rng, de: &[&'a str]) -> &'a str {
    de[azar.below(de.len())]
}

async fn send_one(
    sitio: &TestSite,
    azar: &mut Rng,
    op: &Operation,
    jefe: &Persona,
    ids: &[String],
    ruts: &[String],
) -> ApiResponse {
    let uuids = [uuid()];
    let ruta = op
        .ruta
        .replace("{id}", &random_segment(azar, ids))
        .replace("{desde}", &random_segment(azar, ids))
        .replace("{n}", &random_segment(azar, ids))
        .replace("{hacia}", &random_segment(azar, ids))
        .replace("{rut}", &random_segment(azar, ruts))
        .replace("{uuid_cliente}", &random_segment(azar, &uuids));
    let mut p = sitio.request(&op.metodo, &format!("{ruta}{}", query(azar, op)));
    if !azar.one_in(20) {
        p = p.by(jefe);
    }
    if azar.one_in(5) {
        p = p.idempotency_key(pick_str(azar, &["a", "b", "c", "con espacio", ""]));
    }
    if azar.one_in(5) {
        p = p.header(
            "if-match",
            pick_str(
                azar,
                &[
                    "\"1\"",
                    "\"2\"",
                    "*",
                    "W/\"1\"",
                    "x",
                    "\"99999999999999999999\"",
                ],
            ),
        );
    }
    if let Some(mut cuerpo) = example(op) {
        for _ in 0..azar.below(4) {
            mutate(azar, &mut cuerpo);
        }
        let bytes = bytes(azar, &cuerpo);
        let intacto = !azar.one_in(30);
        p = if intacto {
            p.raw(bytes)
        } else {
            p.header("content-type", "text/plain").body(bytes)
        };
    }
    p.send().await
}

#[both_databases]
async fn no_mutation_breaks_the_server(sitio: &TestSite) {
    let mut azar = Rng::new();
    let todas = operations();
    let (mut jefe, mut ids, mut ruts) = (sitio.administrador().await, vec![], vec![]);
    let mut cuantas: BTreeMap<u16, usize> = BTreeMap::new();
    for vuelta in 0..iterations(5_000) {
        // Somebody may have signed out, lost the role or decided the report: start anew.
        if vuelta % 25 == 0 {
            jefe = sitio.administrador().await;
            for ruta in ["/catalogos/areas/1", "/catalogos/severidades/3"] {
                sitio
                    .request("PATCH", ruta)
                    .by(&jefe)
                    .json(&json!({"activa": true}))
                    .send()
                    .await;
            }
            let id = reporte(sitio, &jefe).await;
            ids = vec![id.to_string(), (id - 1).to_string(), "1".to_owned()];
            ruts = vec![
                sitio.trabajador().await.rut.to_string(),
                sitio.supervisor(&[1]).await.rut.to_string(),
            ];
        }
        let op = azar.pick(&todas);
        let r = send_one(sitio, &mut azar, op, &jefe, &ids, &ruts).await;
        let que = format!("vuelta {vuelta}: {} {}: {}", op.metodo, op.ruta, r.texto);
        // The one that a server may be built without.
        assert!(r.status < 500 || r.code() == "informe_no_incluido", "{que}");
        if r.status >= 400 && op.metodo != "HEAD" {
            let todo = [
                "type",
                "title",
                "status",
                "detail",
                "instance",
                "codigo",
                "permanente",
            ];
            assert!(todo.iter().all(|m| !r.json[m].is_null()), "{que}");
            assert_eq!(r.json["status"], r.status, "{que}");
            let con_errores = r.json["errores"].as_array().is_some_and(|e| !e.is_empty());
            assert_eq!(con_errores, r.code() == "datos_invalidos", "{que}");
        }
        if ["sesion_cerrada", "usuario_inactivo", "sin_permiso"].contains(&r.code()) {
            jefe = sitio.administrador().await;
        }
        *cuantas.entry(r.status).or_default() += 1;
    }
    println!("{cuantas:?}");
    // Random enough to be refused, and near enough to a real request to go through.
    for status in [200, 201, 404, 422] {
        assert!(cuantas.contains_key(&status), "{cuantas:?}");
    }
}
