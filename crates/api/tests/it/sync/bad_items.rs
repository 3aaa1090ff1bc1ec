//! One bad item costs nothing else: it is refused alone, with its own error, and leaves nothing.

mod limits;
mod status;
mod table;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use table::BadItem;

pub use status::archivo;

use super::{batch::with, batch_of, outcomes};
use crate::hostile_input;
use sigra_testkit::{ApiResponse, Persona, TestSite, both_databases, reporte_in, uuid};

async fn send(sitio: &TestSite, quien: &Persona, items: &[Vec<u8>]) -> ApiResponse {
    let pedido = sitio.request("POST", "/sync/batch").by(quien);
    pedido.raw(batch_of(sitio, items)).send().await
}

fn valid_item() -> Vec<u8> {
    reporte_in(1).to_string().into_bytes()
}

/// How much there is of everything, but for the phones that are seen at each batch.
async fn rows(sitio: &TestSite) -> BTreeMap<String, i64> {
    let lineas = hostile_input::snapshot(sitio).await;
    let pares = lineas.iter().filter_map(|l| l.split_once(' '));
    pares
        .filter(|(tabla, _)| !["dispositivos", "presencias"].contains(tabla))
        .map(|(tabla, n)| (tabla.to_owned(), n.parse().expect("un número")))
        .collect()
}

/// `n` new reports without files, and nothing else.
fn add_new_reportes(mut filas: BTreeMap<String, i64>, n: i64) -> BTreeMap<String, i64> {
    for tabla in ["reportes", "aceptados", "bitacora", "cambios", "versiones"] {
        *filas.get_mut(tabla).expect(tabla) += n;
    }
    filas
}

/// Refused as the table says, and nothing told besides.
#[track_caller]
fn assert_refused(r: &Value, m: &BadItem) {
    let que = format!("{}: {r}", m.que);
    let claves: Vec<&str> = r
        .as_object()
        .expect("objeto")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(claves, ["error", "resultado", "uuid_cliente"], "{que}");
    assert_eq!(
        (&r["resultado"], &r["uuid_cliente"]),
        (&json!("rechazado"), &m.eco),
        "{que}"
    );
    let error = &r["error"];
    assert_eq!(
        (&error["codigo"], &error["permanente"]),
        (&json!(m.codigo), &json!(true)),
        "{que}"
    );
    assert_eq!(
        error["type"],
        format!("urn:sigra:problema:{}", m.codigo),
        "{que}"
    );
    assert!(
        error["status"]
            .as_i64()
            .is_some_and(|s| (400..500).contains(&s)),
        "{que}"
    );
    assert!(
        error["detail"].as_str().is_some_and(|d| d.ends_with('.')),
        "{que}"
    );
    let errores = error["errores"].as_array().cloned().unwrap_or_default();
    let vistos: Vec<_> = errores
        .iter()
        .map(|e| (e["campo"].as_str().unwrap(), e["codigo"].as_str().unwrap()))
        .collect();
    assert_eq!(vistos, m.errores, "{que}");
    assert!(
        errores
            .iter()
            .all(|e| e["mensaje"].as_str().is_some_and(|t| t.ends_with('.'))),
        "{que}"
    );
}

#[both_databases]
async fn each_bad_item_is_refused_alone(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let malos = status::all(sitio, &autor).await;
    println!("{} maneras de estar mal", malos.len());
    assert!(malos.len() >= 90, "{}", malos.len());
    for m in &malos {
        let antes = rows(sitio).await;
        let r = send(
            sitio,
            &autor,
            &[
                valid_item(),
                valid_item(),
                m.item.clone(),
                valid_item(),
                valid_item(),
            ],
        )
        .await;
        let r = r.expect_status(200, "").json;
        assert_eq!(
            outcomes(&r),
            ["creado", "creado", "rechazado", "creado", "creado"],
            "{}",
            m.que
        );
        assert_eq!(r["resumen"], json!({"creado": 4, "rechazado": 1}));
        assert_refused(&r["resultados"][2], m);
        assert_eq!(rows(sitio).await, add_new_reportes(antes, 4), "{}", m.que);
    }
}

#[both_databases]
async fn all_the_bad_ones_in_a_batch_cost_no_good_one(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let malos = status::all(sitio, &autor).await;
    let n = i64::try_from(malos.len()).unwrap() + 1;
    let mut items = vec![valid_item()];
    items.extend(malos.iter().flat_map(|m| [m.item.clone(), valid_item()]));
    let antes = rows(sitio).await;
    let r = send(sitio, &autor, &items)
        .await
        .expect_status(200, "")
        .json;
    for (i, suerte) in outcomes(&r).into_iter().enumerate() {
        if i % 2 == 0 {
            assert_eq!(suerte, "creado", "{i}: {}", r["resultados"][i]);
        } else {
            assert_refused(&r["resultados"][i], &malos[i / 2]);
        }
    }
    assert_eq!(r["resumen"], json!({"creado": n, "rechazado": n - 1}));
    assert_eq!(rows(sitio).await, add_new_reportes(antes.clone(), n));
    // Again: the good ones are known, the bad ones are still bad.
    let r = send(sitio, &autor, &items)
        .await
        .expect_status(200, "")
        .json;
    assert_eq!(r["resumen"], json!({"duplicado": n, "rechazado": n - 1}));
    assert_eq!(rows(sitio).await, add_new_reportes(antes, n));
}

/// Looks wrong and is right.
#[both_databases]
async fn strange_is_not_wrong(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let mayusculas = json!(uuid().to_uppercase()).to_string();
    let hondo = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let items: Vec<Vec<u8>> = [
        ("uuid_cliente", &*mayusculas),
        ("uuid_cliente", "\"0190163D-8694-739B-AEA5-966C26F8AD91\""),
        ("descripcion", "\"\""),
        (
            "titulo",
            "\"\\ud83d\\udca5 \\u202e'; DROP TABLE reportes; --\"",
        ),
        ("version_base", "9223372036854775807"),
        ("hora_creado", "\"1970-01-01T00:00:00-11:59\""),
        (
            "ubicacion",
            "{\"lat\": -0.0, \"lon\": 1e-300, \"futuro\": 1e999}",
        ),
        ("multimedia", "[]"),
        ("futuro", &hondo),
    ]
    .map(|(campo, valor)| table::written(campo, valor).into_bytes())
    .into();
    let r = send(sitio, &autor, &items)
        .await
        .expect_status(200, "")
        .json;
    assert_eq!(r["resumen"], json!({"creado": items.len()}), "{r}");
    assert_eq!(
        r["resultados"][0]["uuid_cliente"],
        mayusculas.trim_matches('"')
    );
}

#[both_databases]
async fn the_same_uuid_three_times_is_one_reporte(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let jefe = sitio.administrador().await;
    sitio
        .request("PATCH", "/catalogos/areas/9")
        .by(&jefe)
        .json(&json!({"activa": false}))
        .send()
        .await
        .expect_status(200, "");
    let iguales = ["creado", "duplicado", "duplicado"];
    let uno_malo = [
        ["rechazado", "creado", "duplicado"],
        ["creado", "rechazado", "duplicado"],
        ["creado", "duplicado", "rechazado"],
    ];
    for (cambio, esperadas) in [
        (None, [iguales; 3]),
        (Some(("titulo", json!(""))), uno_malo),
        // In the catalogue, and not in use.
        (Some(("area_id", json!(9))), uno_malo),
    ] {
        for (donde, esperadas) in esperadas.into_iter().enumerate() {
            let antes = sitio.bd.query_i64("SELECT count(*) FROM reportes").await;
            let mut items = vec![reporte_in(1); 3];
            if let Some((campo, valor)) = &cambio {
                items[donde][*campo] = valor.clone();
            }
            let r = sitio.push_batch(&autor, &items).await;
            assert_eq!(outcomes(&r), esperadas, "{cambio:?} {donde}: {r}");
            let ids: Vec<i64> = r["resultados"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|r| r["id"].as_i64())
                .collect();
            assert!(ids.iter().all(|id| *id == ids[0]), "{r}");
            assert_eq!(
                sitio.bd.query_i64("SELECT count(*) FROM reportes").await,
                antes + 1
            );
        }
    }
}

/// A uuid of somebody else is refused in the same words whoever it belongs to and whatever became
/// of the report.
#[both_databases]
async fn the_uuid_of_another_reveals_nothing(sitio: &TestSite) {
    let (otro, jefa, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    let mut ajenos = vec![];
    for (autor, area, destino) in [
        (&otro, 1, ""),
        (&jefa, 1, ""),
        (&admin, 7, ""),
        (&otro, 1, "aprobar"),
        (&otro, 2, "rechazar"),
        (&jefa, 1, "retirar"),
    ] {
        let nuevo = reporte_in(area);
        let id = sitio
            .create(autor, &nuevo)
            .await
            .expect_status(201, "")
            .id();
        let (metodo, ruta) = if destino == "retirar" {
            ("DELETE", format!("/reportes/{id}"))
        } else {
            ("POST", format!("/admin/reportes/{id}/{destino}"))
        };
        if !destino.is_empty() {
            let motivo = json!({"detalle": "Se vio en terreno.", "version": 1});
            let r = sitio
                .request(metodo, &ruta)
                .by(&admin)
                .json(&motivo)
                .send()
                .await;
            assert!(r.status < 300, "{r:?}");
        }
        ajenos.push(nuevo);
    }
    // A supervisor of the area sees the report, and still learns nothing here.
    for quien in [sitio.trabajador().await, sitio.supervisor(&[1]).await] {
        let antes = rows(sitio).await;
        let mut dichos = vec![];
        for ajeno in &ajenos {
            for cambio in [
                json!({}),
                json!({"titulo": "Otro"}),
                json!({"version_base": 1}),
                json!({"area_id": 2}),
            ] {
                let item = with(ajeno, &cambio);
                let pedido = sitio.request("POST", "/sync/batch").by(&quien);
                let r = pedido
                    .raw(batch_of(sitio, &[item.to_string().into_bytes()]))
                    .send()
                    .await
                    .expect_status(200, "");
                let texto = r.texto.split("\"resumen\"").next().unwrap().to_owned();
                let uuid = ajeno["uuid_cliente"].as_str().unwrap();
                assert!(
                    texto.contains(uuid) && texto.contains("uuid_en_conflicto"),
                    "{texto}"
                );
                dichos.push(texto.replace(uuid, "uuid"));
            }
        }
        assert!(dichos.iter().all(|d| *d == dichos[0]), "{dichos:#?}");
        assert_eq!(rows(sitio).await, antes);
    }
}
