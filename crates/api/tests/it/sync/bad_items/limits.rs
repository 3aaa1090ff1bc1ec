//! What is wrong with a batch as a whole, and what is said of it.

use serde_json::{Value, json};

use super::{add_new_reportes, rows, send, table::written, valid_item};
use crate::{
    hostile_input,
    sync::{batch_of, outcomes},
};
use sigra_testkit::{ApiResponse, TestSite, both_databases, gzip::gzip, reporte_in};

const MAX: usize = 8 << 20;

/// A batch of one report in so many bytes.
fn padded_batch(sitio: &TestSite, largo: usize) -> Vec<u8> {
    let mut v = batch_of(sitio, &[valid_item()]);
    v.resize(largo, b' ');
    v
}

#[track_caller]
fn assert_names_the_limits(r: &ApiResponse) {
    let dicho = r.json["detail"].as_str().unwrap();
    assert!(dicho.contains("500") && dicho.contains("8 MiB"), "{dicho}");
    assert_eq!(r.json["permanente"], true);
}

#[both_databases]
async fn five_hundred_pass_and_one_more_does_not(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let mut items: Vec<Value> = (0..500).map(|_| reporte_in(1)).collect();
    let r = sitio.push_batch(&autor, &items).await;
    assert_eq!(r["resumen"], json!({"creado": 500}));
    let antes = hostile_input::snapshot(sitio).await;
    items.push(reporte_in(1));
    assert_names_the_limits(
        &sitio
            .send_batch(&autor, &items)
            .await
            .expect_status(413, "lote_muy_grande"),
    );
    for basura in ["0", "null", "{}"] {
        let muchos = vec![basura.as_bytes().to_vec(); 501];
        assert_names_the_limits(
            &send(sitio, &autor, &muchos)
                .await
                .expect_status(413, "lote_muy_grande"),
        );
    }
    // As many as fit into the bytes.
    let millones = [&b"0,".repeat(MAX / 2 - 100)[..], b"0"].concat();
    assert_names_the_limits(
        &send(sitio, &autor, &[millones])
            .await
            .expect_status(413, "lote_muy_grande"),
    );
    assert_eq!(hostile_input::snapshot(sitio).await, antes);
}

#[both_databases]
async fn eight_mib_decompressed_pass_and_one_byte_more_does_not(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for comprime in [false, true] {
        let envia = async |cuerpo: Vec<u8>| {
            let pedido = sitio.request("POST", "/sync/batch").by(&autor);
            if comprime {
                pedido
                    .header("content-encoding", "gzip")
                    .raw(gzip(&cuerpo))
                    .send()
                    .await
            } else {
                pedido.raw(cuerpo).send().await
            }
        };
        let r = envia(padded_batch(sitio, MAX)).await.expect_status(200, "");
        assert_eq!(outcomes(&r.json), ["creado"]);
        let antes = hostile_input::snapshot(sitio).await;
        for largo in [MAX + 1, 2 * MAX] {
            assert_names_the_limits(
                &envia(padded_batch(sitio, largo))
                    .await
                    .expect_status(413, "lote_muy_grande"),
            );
        }
        assert_eq!(hostile_input::snapshot(sitio).await, antes);
    }
    // What one item takes of it is no limit of its own.
    let grande = written("descripcion", &json!("x".repeat(7 << 20)).to_string());
    let r = send(
        sitio,
        &autor,
        &[valid_item(), grande.into_bytes(), valid_item()],
    )
    .await
    .expect_status(200, "");
    assert_eq!(outcomes(&r.json), ["creado", "rechazado", "creado"]);
}

#[both_databases]
async fn a_broken_json_writes_nothing(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let antes = hostile_input::snapshot(sitio).await;
    let sano = batch_of(sitio, &[valid_item(), valid_item()]);
    let mut rotos: Vec<Vec<u8>> = [1, 20, sano.len() / 2, sano.len() - 2, sano.len() - 1]
        .map(|n| sano[..n].to_vec())
        .into();
    rotos.push([&sano[..], b"x"].concat());
    rotos.push([&sano[..], b",{}"].concat());
    for item in [
        "NaN",
        "{\"titulo\": \"a\nb\"}",
        "{'titulo': 1}",
        "{\"titulo\"}",
        "{} {}",
        "",
        "\u{feff}{}",
    ] {
        rotos.push(batch_of(sitio, &[valid_item(), item.into(), valid_item()]));
    }
    // No text outside the items: whose mistake it is can't be told.
    let mut sin_texto = sano.clone();
    sin_texto[15] = 0xff;
    rotos.push(sin_texto);
    rotos.push(batch_of(sitio, &[valid_item(), vec![0xff], valid_item()]));
    for roto in rotos {
        let que = String::from_utf8_lossy(&roto).into_owned();
        let r = sitio
            .request("POST", "/sync/batch")
            .by(&autor)
            .raw(roto)
            .send()
            .await;
        assert_eq!(
            (r.status, r.code(), &r.json["permanente"]),
            (400, "json_invalido", &json!(true)),
            "{que}"
        );
    }
    assert_eq!(hostile_input::snapshot(sitio).await, antes);
}

#[both_databases]
async fn the_errors_of_a_reporte_can_be_read_in_english(sitio: &TestSite) {
    let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
    let ajeno = reporte_in(1);
    sitio.create(&otro, &ajeno).await.expect_status(201, "");
    let mut malo = reporte_in(1);
    malo["titulo"] = json!("");
    let cuerpo = batch_of(sitio, &[malo.to_string().into(), ajeno.to_string().into()]);
    for (idioma, titulo, mensaje, repetido) in [
        (
            "es-CL,es;q=0.9",
            "Datos inválidos",
            "Use entre 1 y 255 caracteres.",
            "Reporte ya existe",
        ),
        (
            "en",
            "Invalid data",
            "Use between 1 and 255 characters.",
            "Report exists already",
        ),
    ] {
        let pedido = sitio
            .request("POST", "/sync/batch")
            .by(&autor)
            .header("accept-language", idioma);
        let r = pedido
            .raw(cuerpo.clone())
            .send()
            .await
            .expect_status(200, "")
            .json;
        let [malo, ajeno] = [0, 1].map(|i| &r["resultados"][i]["error"]);
        assert_eq!(malo["title"], titulo, "{malo}");
        assert_eq!(malo["errores"][0]["mensaje"], mensaje, "{malo}");
        assert_eq!(ajeno["title"], repetido, "{ajeno}");
        let pedido = sitio
            .request("POST", "/sync/batch")
            .by(&autor)
            .header("accept-language", idioma);
        let r = pedido
            .raw(padded_batch(sitio, MAX + 1))
            .send()
            .await
            .expect_status(413, "lote_muy_grande");
        assert_names_the_limits(&r);
    }
}

/// The phone kept its reports for days: its token is old, and the batch is still good.
#[both_databases]
async fn with_an_expired_token_nothing_is_lost(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let items: Vec<Vec<u8>> = (0..20).map(|_| valid_item()).collect();
    let cuerpo = batch_of(sitio, &items);
    sitio.store.env().advance(16 * 60_000);
    let antes = hostile_input::snapshot(sitio).await;
    let envia = async |token: &str| {
        sitio
            .request("POST", "/sync/batch")
            .token(token)
            .raw(cuerpo.clone())
            .send()
            .await
    };
    let r = envia(&autor.token)
        .await
        .expect_status(401, "token_vencido");
    assert_eq!(r.json["permanente"], false);
    assert_eq!(hostile_input::snapshot(sitio).await, antes);
    let otra = sitio.session(autor.quien.clone()).await;
    let filas_antes = rows(sitio).await;
    let r = envia(&otra.token).await.expect_status(200, "");
    assert_eq!(r.json["resumen"], json!({"creado": 20}));
    assert!(
        r.json["desfase_reloj_ms"].as_i64().unwrap() >= 16 * 60_000,
        "{}",
        r.texto
    );
    assert_eq!(rows(sitio).await, add_new_reportes(filas_antes, 20));
}
