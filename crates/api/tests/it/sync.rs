//! Phones come back into coverage: batches, the change feed, conflicts, the proof that nothing is
//! missing.

mod bad_items;
mod batch;
mod conflicts;
pub mod devices;
mod merge;
mod races;
mod rate_limit;
mod reading;
mod reconcile;
mod response;
mod response_budget;
mod restored;
mod scope;
mod status;

use serde_json::Value;

use sigra_testkit::TestSite;

/// A batch with these items as they are written.
pub fn batch_of(sitio: &TestSite, items: &[Vec<u8>]) -> Vec<u8> {
    let ahora = sitio.store.env().now();
    let cabeza = format!(r#"{{"device_id": "moto-1", "timestamp": "{ahora}", "reportes": ["#);
    [cabeza.as_bytes(), &items.join(&b","[..]), b"]}"].concat()
}

/// The `resultado` of each item, in order.
pub fn outcomes(lote: &Value) -> Vec<&str> {
    let resultados = lote["resultados"].as_array().expect("resultados");
    resultados
        .iter()
        .map(|r| r["resultado"].as_str().expect("resultado"))
        .collect()
}
