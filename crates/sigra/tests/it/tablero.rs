//! The dashboard: exact, of the caller's areas, and nobody waits for its counts.

mod azares;
mod cifras;
mod esperas;
pub mod recuento;

use serde_json::Value;

use crate::arnes::{Persona, Sitio};

pub async fn tablero(sitio: &Sitio, quien: &Persona, consulta: &str) -> Value {
    let ruta = format!("/admin/dashboard{consulta}");
    let r = sitio.pide("GET", &ruta).como(quien).envia().await;
    r.espera(200, "").json.clone()
}
