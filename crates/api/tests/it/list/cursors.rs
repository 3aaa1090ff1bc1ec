//! A cursor is of one list, with its filters, for one person; anything else is 422.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::reference::{ORDERS, Rng};
use sigra_testkit::{Persona, TestSite, both_databases, iterations};

async fn next_cursor(sitio: &TestSite, quien: &Persona, ruta: &str) -> String {
    let r = sitio.request("GET", ruta).by(quien).send().await;
    r.json["siguiente"]
        .as_str()
        .unwrap_or_else(|| panic!("{ruta}: {}", r.texto))
        .to_owned()
}

async fn expect_rejected(sitio: &TestSite, quien: &Persona, ruta: &str, cursor: &str) {
    let r = sitio
        .request("GET", ruta)
        .query(&[("cursor", cursor)])
        .by(quien)
        .send()
        .await;
    assert_eq!(
        (r.status, r.code()),
        (422, "cursor_invalido"),
        "{ruta} {cursor}: {}",
        r.texto
    );
}

#[both_databases]
async fn a_cursor_is_valid_only_for_its_list(sitio: &TestSite) {
    let (jefe, otra) = (sitio.administrador().await, sitio.administrador().await);
    for area in [1, 1, 2] {
        sitio.reporte(&jefe, area).await;
    }
    let listas = [
        "/reportes?limite=1",
        "/reportes?limite=1&area_id=1",
        "/reportes?limite=1&orden=id",
        "/reportes?limite=1&orden=-id",
        "/reportes?limite=1&q=roca",
        "/reportes?limite=1&estado=1",
        "/reportes?limite=1&desde=2020-01-01",
        "/reportes?limite=1&sync_status=completo",
        "/reportes?limite=1&severidad_id=3",
        "/admin/bitacora?limite=1",
        "/admin/bitacora?limite=1&accion=crear",
        "/admin/bitacora/ajustes?limite=1",
        "/usuarios?limite=1",
    ];
    for de in listas {
        let cursor = next_cursor(sitio, &jefe, de).await;
        for otro in listas.iter().filter(|l| **l != de) {
            expect_rejected(sitio, &jefe, otro, &cursor).await;
        }
    }
    let cursor = next_cursor(sitio, &jefe, listas[0]).await;
    // What one person sees is another list.
    expect_rejected(sitio, &otra, listas[0], &cursor).await;
    // The size of a page is not part of the list.
    let r = sitio
        .request("GET", "/reportes?limite=200")
        .query(&[("cursor", &cursor)])
        .by(&jefe);
    assert_eq!(r.send().await.json["items"].as_array().unwrap().len(), 2);
}

#[both_databases]
async fn a_garbage_cursor_is_422_and_never_500(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    sitio.trabajador().await;
    for _ in 0..3 {
        sitio.reporte(&jefe, 1).await;
    }
    let mut d = Rng::new(u64::from_le_bytes(sitio.store.env().random()));
    for ruta in [
        "/reportes",
        "/admin/bitacora",
        "/admin/bitacora/ajustes",
        "/usuarios",
    ] {
        for cursor in [
            "x",
            "ñ💥",
            "null",
            "e30",
            "W10",
            "MQ",
            "../..",
            "' OR 1=1 --",
            "\0",
            " ",
        ] {
            expect_rejected(sitio, &jefe, ruta, cursor).await;
        }
        for largo in [999, 1_000, 1_001, 30_000] {
            expect_rejected(sitio, &jefe, ruta, &"A".repeat(largo)).await;
        }
        let bueno = next_cursor(sitio, &jefe, &format!("{ruta}?limite=1")).await;
        for _ in 0..iterations(200) {
            let bytes: Vec<u8> = (0..d.below(60)).map(|_| d.u64().to_le_bytes()[0]).collect();
            let texto = format!("{}A", String::from_utf8_lossy(&bytes));
            expect_rejected(sitio, &jefe, ruta, &texto).await;
            expect_rejected(
                sitio,
                &jefe,
                ruta,
                &format!("{}A", URL_SAFE_NO_PAD.encode(&bytes)),
            )
            .await;
            expect_rejected(sitio, &jefe, ruta, &bueno[..=d.below(bueno.len() - 2)]).await;
        }
    }
}

/// Its mark is no secret, so whoever edits the place inside must not reach the database with it.
#[both_databases]
async fn an_edited_cursor_is_422_and_never_500(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    for _ in 0..3 {
        sitio.reporte(&jefe, 1).await;
    }
    for orden in ORDERS {
        let ruta = format!("/reportes?limite=1&orden={orden}");
        let bueno = next_cursor(sitio, &jefe, &ruta).await;
        let abierto: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&bueno).unwrap()).unwrap();
        let fecha = orden.ends_with("fecha_reporte");
        let mut retoques = vec![
            json!(null),
            json!([]),
            json!([1]),
            json!("x"),
            json!({}),
            json!(["x", 1]),
            json!(["\0", 1]),
            json!([1, "x"]),
            json!([1.5, 1]),
            json!([true, 1]),
            json!([null, 1]),
            json!([1e300, 1]),
            json!([u64::MAX, 1]),
            json!([1, u64::MAX]),
            json!(["2026-02-30", 1]),
            json!([1, 2, 3]),
        ];
        retoques.push(if fecha {
            json!([1, 1])
        } else {
            json!(["2026-03-01", 1])
        });
        for p in retoques {
            let mut otro = abierto.clone();
            otro["p"] = p;
            expect_rejected(
                sitio,
                &jefe,
                &ruta,
                &URL_SAFE_NO_PAD.encode(otro.to_string()),
            )
            .await;
        }
        // One that could have been ours is answered.
        let mut otro = abierto.clone();
        otro["p"] = if fecha {
            json!(["0001-01-01", i64::MIN])
        } else {
            json!([i64::MAX, i64::MIN])
        };
        let cursor = URL_SAFE_NO_PAD.encode(otro.to_string());
        let r = sitio
            .request("GET", &ruta)
            .query(&[("cursor", &cursor)])
            .by(&jefe)
            .send()
            .await;
        assert_eq!(r.status, 200, "{orden}: {}", r.texto);
    }
}
