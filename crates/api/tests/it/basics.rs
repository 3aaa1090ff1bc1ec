//! The shortest way through: a report comes in, is decided, and the bitácora remembers.

use serde_json::json;

use sigra_testkit::{TestSite, both_databases};

#[both_databases]
async fn a_reporte_comes_in_and_is_decided(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let jefe = sitio.supervisor(&[1]).await;
    let creado = sitio.reporte(&autor, 1).await;
    let id = creado["id"].as_i64().unwrap();
    assert_eq!(
        (creado["estado"].as_str(), creado["version"].as_i64()),
        (Some("Pendiente"), Some(1))
    );

    let r = sitio
        .request("GET", &format!("/reportes/{id}/"))
        .by(&jefe)
        .send()
        .await;
    assert_eq!((r.status, r.header("etag")), (200, "\"1\""));
    assert_eq!(r.json, creado);

    let r = sitio
        .request("POST", &format!("/admin/reportes/{id}/aprobar"))
        .by(&jefe)
        .json(&json!({"detalle": "Se cierra el paso."}))
        .send()
        .await;
    assert_eq!(
        (r.status, r.json["estado"].as_str(), r.version()),
        (200, Some("Aprobado"), 2)
    );

    let r = sitio
        .request("GET", &format!("/reportes/{id}/bitacora"))
        .by(&autor)
        .send()
        .await;
    assert_eq!(r.json["items"].as_array().unwrap().len(), 2);
    let antes = json!({"estado_id": 1, "decidido_en": null, "a_tiempo": null});
    assert_eq!(r.json["items"][1]["antes"], antes);
    assert_eq!(r.json["items"][1]["rut"], jefe.rut.body());
}
