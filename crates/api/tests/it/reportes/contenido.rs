//! `sha256_contenido`: the SHA-256 of the content as sent, in RFC 8785 JSON.

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{edit, get_reporte};
use sigra_testkit::{TestSite, both_databases, expected_hash, iterations, reporte_in, uuid};

fn sha256(texto: &str) -> String {
    sigra_domain::hex(&Sha256::digest(texto))
}

/// Whole numbers, negative zero and the smallest there are, not only what a satellite would say.
fn number(max: f64) -> impl Strategy<Value = f64> {
    prop_oneof![
        -max..max,
        Just(-0.0),
        Just(max),
        Just(f64::MIN_POSITIVE),
        Just(1e-7),
        (-90_i32..90).prop_map(f64::from),
        (0..90_000_000_i32).prop_map(|n| f64::from(n) / 1e6),
    ]
}

fn optional(v: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![Just(None), Just(Some(Value::Null)), v.prop_map(Some)]
}

fn body() -> impl Strategy<Value = Value> {
    let texto = |max: usize| {
        prop::collection::vec(any::<char>().prop_filter("NUL", |c| *c != '\0'), 0..max)
            .prop_map(|v| v.into_iter().collect::<String>())
    };
    let titulo = "\\PC{1,60}".prop_filter("vacío", |t| !t.trim().is_empty());
    let ubicacion = (
        number(90.0),
        number(180.0),
        optional(number(1e7).prop_map(|n| json!(n.abs()))),
        optional("\\PC{0,40}".prop_map(Value::from)),
    )
        .prop_map(|(lat, lon, precision, referencia)| {
            let mut u = json!({"lat": lat, "lon": lon});
            for (campo, valor) in [("precision_m", precision), ("referencia", referencia)] {
                if let Some(v) = valor {
                    u[campo] = v;
                }
            }
            u
        });
    let archivo = (any::<bool>(), "\\PC{1,30}", 1..200_i64 * 1024 * 1024).prop_map(|(grande, nombre, bytes)| {
        let uuid = if grande { uuid().to_uppercase() } else { uuid() };
        let nombre = if nombre.trim().is_empty() { "x".to_owned() } else { nombre };
        json!({"uuid_cliente": uuid, "nombre": nombre, "tipo": "image/webp", "bytes": bytes, "sha256": sha256(&uuid)})
    });
    let multimedia = prop::collection::vec(archivo, 0..4).prop_map(Value::from);
    (
        titulo,
        texto(80),
        1..=10_i64,
        1..=3_i64,
        optional(ubicacion),
        optional(multimedia),
    )
        .prop_map(
            |(titulo, descripcion, area_id, severidad_id, ubicacion, multimedia)| {
                let mut c = json!({"titulo": titulo, "descripcion": descripcion, "area_id": area_id,
                "severidad_id": severidad_id, "uuid_cliente": uuid(), "desconocido": {"x": 1}});
                for (campo, valor) in [("ubicacion", ubicacion), ("multimedia", multimedia)] {
                    if let Some(v) = valor {
                        c[campo] = v;
                    }
                }
                c
            },
        )
}

#[both_databases]
async fn the_hash_is_that_of_the_contenido_sent(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let mut azar = TestRunner::new(Config::default());
    for _ in 0..iterations(1_000) {
        let cuerpo = body().new_tree(&mut azar).unwrap().current();
        let r = sitio.create(&autor, &cuerpo).await;
        assert_eq!(r.status, 201, "{cuerpo}: {}", r.texto);
        assert_eq!(
            r.json["sha256_contenido"],
            expected_hash(&cuerpo),
            "{cuerpo}"
        );
        // What was sent is what is kept, to the last bit of a coordinate.
        let leido = get_reporte(sitio, &autor, r.id()).await.json;
        assert_eq!(leido, r.json);
        for campo in ["titulo", "descripcion"] {
            assert_eq!(leido[campo], cuerpo[campo]);
        }
        for campo in ["lat", "lon", "precision_m"] {
            let enviado = cuerpo["ubicacion"][campo].as_f64();
            assert_eq!(
                leido["ubicacion"][campo].as_f64(),
                enviado,
                "{campo} {cuerpo}"
            );
        }
        // And the same again is the same.
        assert_eq!(sitio.create(&autor, &cuerpo).await.status, 200, "{cuerpo}");
    }
}

/// Canonical text written by hand, for numbers and characters that libraries get wrong together.
#[both_databases]
async fn the_hash_matches_texts_written_by_hand(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for (lat, canonico) in [
        ("-33.0", "-33"),
        ("4.50", "4.5"),
        ("2e-3", "0.002"),
        ("1E-7", "1e-7"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("-0.0", "0"),
        ("-0", "0"),
        ("1e1", "10"),
        ("0.1", "0.1"),
        ("33.333333333333333333", "33.333333333333336"),
        ("89.99999999999999999", "90"),
        ("5e-324", "5e-324"),
        ("-33.437800000000003", "-33.4378"),
        ("9.007199254740993", "9.007199254740993"),
    ] {
        let uuid = uuid();
        let crudo = format!(
            r#"{{"titulo":"T\u00edtulo \"\\\/\u2028\ud83d\udca5","descripcion":"a\u001fb\u000a\u007f",
                "area_id":1,"severidad_id":2,"uuid_cliente":"{uuid}","ubicacion":{{"lon":1.0,"lat":{lat}}}}}"#
        );
        let r = sitio
            .request("POST", "/reportes")
            .by(&autor)
            .raw(crudo)
            .send()
            .await;
        assert_eq!(r.status, 201, "{}", r.texto);
        let texto = format!(
            "{{\"area_id\":1,\"descripcion\":\"a\\u001fb\\n\u{7f}\",\"multimedia\":null,\"severidad_id\":2,\
                \"titulo\":\"Título \\\"\\\\/\u{2028}💥\",\"ubicacion\":{{\"lat\":{canonico},\"lon\":1,\
                \"precision_m\":null,\"referencia\":null}}}}"
        );
        assert_eq!(r.json["sha256_contenido"], sha256(&texto), "{lat}");
    }
}

#[both_databases]
async fn after_an_edit_the_hash_is_that_of_the_contenido_that_remains(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for con_manifiesto in [false, true] {
        let mut cuerpo = reporte_in(1);
        if con_manifiesto {
            cuerpo["multimedia"] = json!([]);
        }
        let id = sitio.create(&autor, &cuerpo).await.id();
        for (version, cambio) in [
            json!({"titulo": "Otro título", "ubicacion": {"lat": -33, "lon": 0.1}}),
            json!({"descripcion": null}),
            json!({"area_id": 2, "ubicacion": null}),
            json!({"titulo": cuerpo["titulo"], "descripcion": cuerpo["descripcion"], "area_id": 1}),
        ]
        .into_iter()
        .enumerate()
        {
            cuerpo
                .as_object_mut()
                .unwrap()
                .extend(cambio.as_object().unwrap().clone());
            let version = i64::try_from(version).unwrap() + 1;
            let r = edit(sitio, &autor, id, &cambio)
                .if_match(version)
                .send()
                .await;
            assert_eq!(r.status, 200, "{cambio}: {}", r.texto);
            assert_eq!(
                r.json["sha256_contenido"],
                expected_hash(&cuerpo),
                "{cambio}"
            );
        }
    }
}
