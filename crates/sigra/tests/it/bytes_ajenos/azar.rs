//! Random mutations of valid requests to every operation: never a 500, always a described problem.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ejemplo, reporte};
use crate::{
    arnes::{
        Azar, Persona, Respuesta, Sitio, cuenta, openapi::Operacion, openapi::operaciones, uuid,
    },
    en_ambas,
};

/// A value of any kind, the awkward ones first.
fn valor(azar: &mut Azar, hondo: usize) -> Value {
    match azar.menor(14) {
        0 => json!(null),
        1 => json!(azar.una_de(2)),
        2 => json!(*azar.elige(&[0, 1, -1, 2, i64::MAX, i64::MIN, 99_999_999, 1 << 53])),
        3 => json!(*azar.elige(&[0.5, -0.0, 1e308, -1e-308, 90.000_001, 1e15])),
        4 => json!(azar.decimal(1e6)),
        5 => json!(u64::MAX),
        6 => json!(*azar.elige(&[
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
        7 => json!("x".repeat(azar.menor(400))),
        8 => json!("💥".repeat(azar.menor(11_000))),
        9 => json!(uuid()),
        10 => json!(azar.u64().to_string()),
        11 if hondo > 0 => (0..azar.menor(30))
            .map(|_| valor(azar, hondo - 1))
            .collect(),
        12 if hondo > 0 => {
            let nombres = ["lat", "lon", "uuid_cliente", "bytes", "", "rut", "x"];
            let pares = (0..azar.menor(6))
                .map(|_| ((*azar.elige(&nombres)).to_owned(), valor(azar, hondo - 1)));
            Value::Object(pares.collect())
        }
        _ => json!(azar.menor(12)),
    }
}

/// Changes something somewhere in it.
fn muta(azar: &mut Azar, v: &mut Value) {
    match v {
        Value::Object(o) if !o.is_empty() && !azar.una_de(6) => {
            let claves: Vec<String> = o.keys().cloned().collect();
            let clave = azar.elige(&claves).clone();
            match azar.menor(6) {
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
                    o.insert((*azar.elige(&nombres)).to_owned(), valor(azar, 3));
                }
                2 | 3 => muta(azar, &mut o[&clave]),
                _ => o[&clave] = valor(azar, 3),
            }
        }
        Value::Array(a) if !a.is_empty() && !azar.una_de(4) => {
            let i = azar.menor(a.len());
            muta(azar, &mut a[i]);
        }
        Value::String(t) if azar.una_de(2) => {
            let letras: Vec<char> = t.chars().collect();
            let corte = azar.menor(letras.len() + 1);
            let trozo = *azar.elige(&["", "\0", "-", "0", "é", " ", "\n", "99999999"]);
            *t = letras[..corte].iter().collect::<String>()
                + trozo
                + &letras[corte..].iter().collect::<String>();
        }
        otro => *otro = valor(azar, 2),
    }
}

/// The bytes of a body, now and then no longer JSON.
fn bytes(azar: &mut Azar, v: &Value) -> Vec<u8> {
    let mut b = v.to_string().into_bytes();
    if azar.una_de(8) {
        for _ in 0..=azar.menor(3) {
            let i = azar.menor(b.len());
            match azar.menor(3) {
                0 => b[i] = u8::try_from(azar.menor(256)).expect("byte"),
                1 => b.truncate(i.max(1)),
                _ => b.insert(i, *azar.elige(b"{}[]\",:0\\\xff\0")),
            }
        }
    }
    b
}

fn segmento(azar: &mut Azar, conocidos: &[String]) -> String {
    if azar.una_de(4) {
        return (*azar.elige(&[
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
    azar.elige(conocidos).clone()
}

fn consulta(azar: &mut Azar, op: &Operacion) -> String {
    let nombres: Vec<&str> = op.json["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|p| p["in"] == "query")
        .filter_map(|p| p["name"].as_str())
        .collect();
    if nombres.is_empty() || azar.una_de(3) {
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
    let pares: Vec<String> = (0..=azar.menor(4))
        .map(|_| format!("{}={}", azar.elige(&nombres), azar.elige(&valores)))
        .collect();
    format!("?{}", pares.join("&"))
}

fn elegida<'a>(azar: &mut Azar, de: &[&'a str]) -> &'a str {
    de[azar.menor(de.len())]
}

async fn uno(
    sitio: &Sitio,
    azar: &mut Azar,
    op: &Operacion,
    jefe: &Persona,
    ids: &[String],
    ruts: &[String],
) -> Respuesta {
    let uuids = [uuid()];
    let ruta = op
        .ruta
        .replace("{id}", &segmento(azar, ids))
        .replace("{desde}", &segmento(azar, ids))
        .replace("{n}", &segmento(azar, ids))
        .replace("{hacia}", &segmento(azar, ids))
        .replace("{rut}", &segmento(azar, ruts))
        .replace("{uuid_cliente}", &segmento(azar, &uuids));
    let mut p = sitio.pide(&op.metodo, &format!("{ruta}{}", consulta(azar, op)));
    if !azar.una_de(20) {
        p = p.como(jefe);
    }
    if azar.una_de(5) {
        p = p.clave(elegida(azar, &["a", "b", "c", "con espacio", ""]));
    }
    if azar.una_de(5) {
        p = p.header(
            "if-match",
            elegida(
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
    if let Some(mut cuerpo) = ejemplo(op) {
        for _ in 0..azar.menor(4) {
            muta(azar, &mut cuerpo);
        }
        let bytes = bytes(azar, &cuerpo);
        let intacto = !azar.una_de(30);
        p = if intacto {
            p.crudo(bytes)
        } else {
            p.header("content-type", "text/plain").cuerpo(bytes)
        };
    }
    p.envia().await
}

en_ambas! {
    async fn ninguna_mutacion_rompe_el_servidor(sitio: &Sitio) {
        let mut azar = Azar::nuevo();
        let todas = operaciones();
        let (mut jefe, mut ids, mut ruts) = (sitio.administrador().await, vec![], vec![]);
        let mut cuantas: BTreeMap<u16, usize> = BTreeMap::new();
        for vuelta in 0..cuenta(5_000) {
            // Somebody may have signed out, lost the role or decided the report: start anew.
            if vuelta % 25 == 0 {
                jefe = sitio.administrador().await;
                for ruta in ["/catalogos/areas/1", "/catalogos/severidades/3"] {
                    sitio.pide("PATCH", ruta).como(&jefe).json(&json!({"activa": true})).envia().await;
                }
                let id = reporte(sitio, &jefe).await;
                ids = vec![id.to_string(), (id - 1).to_string(), "1".to_owned()];
                ruts = vec![sitio.trabajador().await.rut.to_string(), sitio.supervisor(&[1]).await.rut.to_string()];
            }
            let op = azar.elige(&todas);
            let r = uno(sitio, &mut azar, op, &jefe, &ids, &ruts).await;
            let que = format!("vuelta {vuelta}: {} {}: {}", op.metodo, op.ruta, r.texto);
            assert!(r.status < 500, "{que}");
            if r.status >= 400 && op.metodo != "HEAD" {
                let todo = ["type", "title", "status", "detail", "instance", "codigo", "permanente"];
                assert!(todo.iter().all(|m| !r.json[m].is_null()), "{que}");
                assert_eq!(r.json["status"], r.status, "{que}");
                let con_errores = r.json["errores"].as_array().is_some_and(|e| !e.is_empty());
                assert_eq!(con_errores, r.codigo() == "datos_invalidos", "{que}");
            }
            if ["sesion_cerrada", "usuario_inactivo", "sin_permiso"].contains(&r.codigo()) {
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
}
