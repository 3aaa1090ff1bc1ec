//! A few bytes sent do not make the server answer with many: an answer has an end, and what found no
//! room in it is sent again.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::batch::{send_one, with};
use sigra_testkit::{Persona, TestSite, both_databases, reporte_in};

const MIB: usize = 1024 * 1024;
/// A result that tells nothing but that there was no room, in bytes.
const REJECTION_BYTES: usize = 512;

/// The longest description, in letters of four bytes.
fn long_text(letra: char) -> Value {
    json!(letra.to_string().repeat(10_000))
}

/// The results, of which those without room come again by themselves.
async fn send(sitio: &TestSite, autor: &Persona, items: &[Value]) -> Vec<Value> {
    let cuerpo = json!(items).to_string().len() + 200;
    let r = sitio.send_batch(autor, items).await.expect_status(200, "");
    let limite = MIB + 2 * cuerpo + items.len() * REJECTION_BYTES;
    assert!(
        r.texto.len() <= limite,
        "{} bytes, y hasta {limite}",
        r.texto.len()
    );
    assert!(
        r.texto.len() > MIB / 2,
        "{} bytes no prueban nada",
        r.texto.len()
    );
    r.json["resultados"].as_array().expect("resultados").clone()
}

fn is_response_full(r: &Value) -> bool {
    let lleno = r["error"]["codigo"] == "respuesta_llena";
    assert!(
        !lleno || (r["error"]["permanente"] == false && r["resultado"] == "rechazado"),
        "{r}"
    );
    assert!(!lleno || r.get("id").is_none(), "{r}");
    lleno
}

async fn sum_versions(sitio: &TestSite) -> i64 {
    sitio
        .bd
        .query_i64("SELECT CAST(sum(version) AS BIGINT) FROM reportes")
        .await
}

#[both_databases]
async fn the_same_reporte_five_hundred_times_fills_the_response(sitio: &TestSite) {
    let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let nuevo = reporte_in(1);
    let id = send_one(sitio, &autor, &nuevo).await["id"].clone();
    let cambio = json!({"descripcion": long_text('\u{1f4a5}'), "version": 1});
    let pedido = sitio.request("PUT", &format!("/reportes/{id}")).by(&jefa);
    pedido.json(&cambio).send().await.expect_status(200, "");
    // A creation sent again, and an edit that clashes.
    let choca = with(&nuevo, &json!({"descripcion": "Otra.", "version_base": 1}));
    for (item, resultado) in [(&nuevo, "duplicado"), (&choca, "conflicto")] {
        let r = send(sitio, &autor, &vec![item.clone(); 500]).await;
        let llenos = r.iter().filter(|r| is_response_full(r)).count();
        assert!((400..495).contains(&llenos), "{llenos}");
        assert!(
            r.iter()
                .filter(|r| !is_response_full(r))
                .all(|r| r["resultado"] == resultado)
        );
        let solo = send_one(sitio, &autor, item).await;
        assert_eq!(solo["resultado"], resultado, "{solo}");
        assert_eq!(solo["actual"]["descripcion"], cambio["descripcion"]);
    }
}

/// What found no room was not applied, and gets in when it comes again.
#[both_databases]
async fn what_finds_no_room_is_not_applied(sitio: &TestSite) {
    let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let nuevos: Vec<Value> = (0..60).map(|_| reporte_in(1)).collect();
    let r = sitio.push_batch(&autor, &nuevos).await;
    let cambio = json!({"descripcion": long_text('\u{1f4a5}'), "version": 1});
    let cambia = async |r: &Value| {
        let pedido = sitio
            .request("PUT", &format!("/reportes/{}", r["id"]))
            .by(&jefa);
        pedido.json(&cambio).send().await.expect_status(200, "");
    };
    join_all(r["resultados"].as_array().unwrap().iter().map(cambia)).await;
    let edita = |n: &Value| with(n, &json!({"titulo": "Roca caída", "version_base": 1}));
    let mut quedan: Vec<Value> = nuevos.iter().map(edita).collect();
    let mut envios = 0;
    while !quedan.is_empty() {
        let antes = sum_versions(sitio).await;
        let r = if envios == 0 {
            send(sitio, &autor, &quedan).await
        } else {
            sitio.push_batch(&autor, &quedan).await["resultados"]
                .as_array()
                .unwrap()
                .clone()
        };
        let llenos = r.iter().map(is_response_full);
        assert!(
            r.iter().all(
                |r| is_response_full(r) || (r["resultado"] == "fusionado" && r["version"] == 3)
            )
        );
        let fusionados = r.len() - llenos.clone().filter(|l| *l).count();
        assert_eq!(
            sum_versions(sitio).await,
            antes + i64::try_from(fusionados).unwrap()
        );
        assert!(fusionados > 10 || fusionados == r.len());
        let quedaron = quedan.into_iter().zip(llenos).filter(|(_, lleno)| *lleno);
        quedan = quedaron.map(|(item, _)| item).collect();
        envios += 1;
    }
    assert!((2..6).contains(&envios), "{envios}");
}
