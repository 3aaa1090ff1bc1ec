//! To leave a field out is not to clear it.

use serde_json::{Value, json};

use super::{Fixture, archivo, base};
use crate::sync::batch::{send_one, with};
use sigra_testkit::{TestSite, both_databases};

/// To leave the place out and to clear it are two edits, though their contents have one hash.
#[both_databases]
async fn clearing_the_ubicacion_is_not_leaving_it_out(sitio: &TestSite) {
    let e = Fixture::new(sitio).await;
    let nuevo = base();
    let id = send_one(sitio, &e.autor, &nuevo).await["id"].clone();
    let mut sin = with(&nuevo, &json!({"version_base": 1}));
    sin.as_object_mut().unwrap().remove("ubicacion");
    for _ in 0..2 {
        assert_eq!(
            send_one(sitio, &e.autor, &sin).await["resultado"],
            "duplicado"
        );
    }
    let borrada = with(&sin, &json!({"ubicacion": null}));
    let r = send_one(sitio, &e.autor, &borrada).await;
    assert_eq!(r["resultado"], "actualizado", "{r}");
    assert!(e.get_reporte(&id).await["ubicacion"].is_null());
    for (item, version) in [(&borrada, 2), (&sin, 1), (&nuevo, 1)] {
        let r = send_one(sitio, &e.autor, item).await;
        assert_eq!(
            (&r["resultado"], &r["version"]),
            (&json!("duplicado"), &json!(version)),
            "{r}"
        );
    }
    assert!(e.get_reporte(&id).await["ubicacion"].is_null());
}

/// A phone sends back what it received.
#[both_databases]
async fn a_descripcion_somebody_deleted_does_not_block_the_phone(sitio: &TestSite) {
    let e = Fixture::new(sitio).await;
    let nuevo = base();
    let id = send_one(sitio, &e.autor, &nuevo).await["id"].clone();
    let borra = json!({"descripcion": null, "version": 1});
    sitio
        .request("PUT", &format!("/reportes/{id}"))
        .by(&e.autor)
        .json(&borra)
        .send()
        .await
        .expect_status(200, "");
    let edicion = with(
        &nuevo,
        &json!({"descripcion": null, "titulo": "Otro", "version_base": 2}),
    );
    let r = send_one(sitio, &e.autor, &edicion).await;
    assert_eq!(r["resultado"], "actualizado", "{r}");
    let leido = e.get_reporte(&id).await;
    assert_eq!(
        (&leido["titulo"], &leido["descripcion"]),
        (&json!("Otro"), &Value::Null)
    );
}

#[both_databases]
async fn absent_fields_stay_and_null_clears(sitio: &TestSite) {
    let e = Fixture::new(sitio).await;
    let nuevo = base();
    let id = send_one(sitio, &e.autor, &nuevo).await["id"].clone();
    let mut sin = with(&nuevo, &json!({"titulo": "Sin más", "version_base": 1}));
    for campo in ["ubicacion", "multimedia"] {
        sin.as_object_mut().unwrap().remove(campo);
    }
    let r = send_one(sitio, &e.autor, &sin).await;
    assert_eq!(r["resultado"], "actualizado");
    assert!(r["actual"]["ubicacion"].is_object(), "{r}");
    let leido = e.get_reporte(&id).await;
    assert!(
        leido["ubicacion"].is_object() && leido["multimedia"].as_array().unwrap().len() == 1,
        "{leido}"
    );
    let sin = with(
        &sin,
        &json!({"ubicacion": null, "multimedia": [], "version_base": 2}),
    );
    // What stayed is part of what the next edit is made from: it is told.
    assert_eq!(
        send_one(sitio, &e.autor, &sin).await["resultado"],
        "actualizado"
    );
    let leido = e.get_reporte(&id).await;
    assert!(
        leido["ubicacion"].is_null() && leido["multimedia"].as_array().unwrap().len() == 1,
        "{leido}"
    );
    // Each phone adds a file; both stay, and each has its id.
    let con_otros = |n, base| {
        with(
            &sin,
            &json!({"multimedia": [archivo(n, "x.jpg")], "version_base": base}),
        )
    };
    assert_eq!(
        send_one(sitio, &e.autor, &con_otros(3, 3)).await["resultado"],
        "actualizado"
    );
    let r = send_one(sitio, &e.autor, &con_otros(4, 3)).await;
    assert_eq!(r["resultado"], "fusionado", "{r}");
    let ids: Vec<i64> = r["multimedia"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["id"].as_i64().unwrap())
        .collect();
    assert!(ids.len() == 3 && ids.iter().all(|id| *id > 0), "{r}");
    let muchos: Vec<Value> = (10..30).map(|n| archivo(n, "y.jpg")).collect();
    let r = send_one(
        sitio,
        &e.autor,
        &with(&sin, &json!({"multimedia": muchos, "version_base": 5})),
    )
    .await;
    assert_eq!(r["error"]["errores"][0]["codigo"], "demasiados", "{r}");
}
