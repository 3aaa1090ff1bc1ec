//! From which version an edit was made: several back, too far back, or none.

use serde_json::{Value, json};

use super::{Fixture, base};
use crate::sync::batch::{send_one, with};
use sigra_testkit::{TestSite, both_databases, reporte_in};

#[both_databases]
async fn a_base_several_versions_back_still_merges(sitio: &TestSite) {
    let e = Fixture::new(sitio).await;
    let nuevo = base();
    let id = send_one(sitio, &e.autor, &nuevo).await["id"].clone();
    let ruta = format!("/reportes/{id}");
    // The title went away and came back: against version 1 it did not change.
    for (version, cambio) in [
        (1, json!({"titulo": "X"})),
        (2, json!({"severidad_id": 1})),
        (3, json!({"titulo": nuevo["titulo"]})),
    ] {
        let cambio = with(&cambio, &json!({"version": version}));
        sitio
            .request("PUT", &ruta)
            .by(&e.jefa)
            .json(&cambio)
            .send()
            .await
            .expect_status(200, "");
    }
    let item = with(
        &nuevo,
        &json!({"titulo": "del teléfono", "version_base": 1}),
    );
    let r = send_one(sitio, &e.autor, &item).await;
    assert_eq!(
        (&r["resultado"], &r["version"]),
        (&json!("fusionado"), &json!(5)),
        "{r}"
    );
    assert_eq!(
        (&r["actual"]["titulo"], &r["actual"]["severidad_id"]),
        (&json!("del teléfono"), &json!(1))
    );
    // Against version 2 somebody changed it since.
    let item = with(
        &nuevo,
        &json!({"titulo": "tarde", "severidad_id": 3, "version_base": 2}),
    );
    let r = send_one(sitio, &e.autor, &item).await;
    assert_eq!(
        r["campos"][0],
        json!({"campo": "titulo", "base": "X", "servidor": "del teléfono", "cliente": "tarde"}),
        "{r}"
    );
    for base in [json!(null), json!(0), json!(99)] {
        let item = with(
            &nuevo,
            &json!({"titulo": format!("sin base {base}"), "version_base": base}),
        );
        let r = send_one(sitio, &e.autor, &item).await;
        assert_eq!(r["resultado"], "conflicto", "{base}: {r}");
        assert!(
            r["campos"]
                .as_array()
                .unwrap()
                .iter()
                .all(|c| c["base"].is_null()),
            "{r}"
        );
    }
    // New, whatever its base.
    for base in [json!(null), json!(0), json!(99)] {
        let r = send_one(
            sitio,
            &e.autor,
            &with(&reporte_in(1), &json!({"version_base": base})),
        )
        .await;
        assert_eq!(
            (&r["resultado"], &r["version"]),
            (&json!("creado"), &json!(1)),
            "{r}"
        );
    }
}

/// Further back than is read, an edit is as one that names no version: nobody's change is lost.
#[both_databases]
async fn a_very_old_base_is_a_conflicto(sitio: &TestSite) {
    let e = Fixture::new(sitio).await;
    let nuevo = base();
    let id = send_one(sitio, &e.autor, &nuevo).await["id"].clone();
    for desde in (1..=210_i64).step_by(70) {
        let ediciones: Vec<Value> = (desde..desde + 70)
            .map(|v| {
                with(
                    &nuevo,
                    &json!({"titulo": format!("Título {v}"), "version_base": v}),
                )
            })
            .collect();
        sitio.push_batch(&e.autor, &ediciones).await;
    }
    assert_eq!(e.get_reporte(&id).await["version"], 211);
    let otra = |version, severidad| {
        with(
            &nuevo,
            &json!({"titulo": format!("Título {}", version - 1),
            "severidad_id": severidad, "version_base": version}),
        )
    };
    let r = send_one(sitio, &e.autor, &otra(11, 1)).await;
    assert_eq!(r["resultado"], "fusionado", "{r}");
    let r = send_one(sitio, &e.autor, &otra(11, 2)).await;
    assert_eq!(r["resultado"], "conflicto", "{r}");
    let leido = e.get_reporte(&id).await;
    assert_eq!(
        (&leido["titulo"], &leido["severidad_id"]),
        (&json!("Título 210"), &json!(1))
    );
}
