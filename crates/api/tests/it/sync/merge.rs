//! Edits that meet: what a phone sends, and what became of the report since it heard of it.

mod absent_fields;
mod base_version;
mod table;

use serde_json::{Value, json};

use super::batch::with;
use sigra_testkit::{Persona, TestSite, reporte_in};

fn archivo(n: u32, nombre: &str) -> Value {
    json!({"uuid_cliente": format!("0b54a1cc-76c1-4c70-9a3e-0a3d0a8f5b{n:02}"), "nombre": nombre,
        "tipo": "image/jpeg", "bytes": 5, "sha256": "9".repeat(64)})
}

fn base() -> Value {
    with(
        &reporte_in(1),
        &json!({
            "ubicacion": {"lat": -33.5, "lon": -70, "precision_m": null, "referencia": "Nivel 1200"},
            "multimedia": [archivo(1, "roca.jpg")],
        }),
    )
}

struct Fixture<'a> {
    sitio: &'a TestSite,
    autor: Persona,
    jefa: Persona,
    ajeno: Persona,
}

impl<'a> Fixture<'a> {
    async fn new(sitio: &'a TestSite) -> Self {
        Self {
            sitio,
            autor: sitio.trabajador().await,
            jefa: sitio.supervisor(&[1, 2, 3]).await,
            ajeno: sitio.trabajador().await,
        }
    }

    async fn get_reporte(&self, id: &Value) -> Value {
        self.sitio
            .request("GET", &format!("/reportes/{id}"))
            .by(&self.autor)
            .send()
            .await
            .expect_status(200, "")
            .json
    }
}
