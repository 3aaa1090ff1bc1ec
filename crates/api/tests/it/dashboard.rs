//! The dashboard: exact, of the caller's areas, and nobody waits for its counts.

mod figures;
mod random;
pub mod recount;
mod waits;

use serde_json::Value;

use sigra_testkit::{Persona, TestSite};

pub async fn dashboard(sitio: &TestSite, quien: &Persona, consulta: &str) -> Value {
    let ruta = format!("/admin/dashboard{consulta}");
    let r = sitio.request("GET", &ruta).by(quien).send().await;
    r.expect_status(200, "").json.clone()
}
