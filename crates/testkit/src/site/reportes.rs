//! What people do with the reports of a site, when it must work.

use std::fmt::Display;

use serde_json::{Value, json};

use super::{Persona, TestSite};

impl TestSite {
    pub async fn approve_reporte(&self, quien: &Persona, id: impl Display) {
        let ruta = format!("/admin/reportes/{id}/aprobar");
        let pedido = self.request("POST", &ruta).by(quien);
        pedido.json(&json!({})).send().await.expect_status(200, "");
    }

    /// The report is of this version.
    pub async fn withdraw_reporte(&self, quien: &Persona, id: impl Display, version: i64) {
        let ruta = format!("/reportes/{id}");
        let pedido = self.request("DELETE", &ruta).by(quien).if_match(version);
        let motivo = json!({"detalle": "De prueba."});
        pedido.json(&motivo).send().await.expect_status(204, "");
    }

    /// All entries, oldest first.
    pub async fn bitacora(&self, quien: &Persona, id: impl Display) -> Vec<Value> {
        let ruta = format!("/reportes/{id}/bitacora");
        let r = self.request("GET", &ruta).by(quien).send().await;
        let r = r.expect_status(200, "");
        r.json["items"].as_array().expect("items").clone()
    }
}
