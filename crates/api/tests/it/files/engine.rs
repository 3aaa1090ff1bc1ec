//! The engine, without HTTP: pieces, leases, ends and adoptions.

mod checks;
mod completion;
mod durability;
mod interruption;
mod lease;

use serde_json::Value;

use sigra_testkit::{Persona, TestSite};

pub async fn get_reporte(sitio: &TestSite, quien: &Persona, reporte: &Value) -> Value {
    let r = sitio
        .request("GET", &format!("/reportes/{}", reporte["id"]))
        .by(quien)
        .send()
        .await;
    assert_eq!(r.status, 200, "{r:?}");
    r.json
}

/// A report of two files of which one has come, then both.
pub fn estados(reporte: &Value) -> Vec<&str> {
    let archivos = reporte["multimedia"].as_array().unwrap();
    archivos
        .iter()
        .map(|a| a["estado"].as_str().unwrap())
        .collect()
}
