//! What leaves for others: who gets it, when, in what order, and what happens when they don't answer.

mod claims;
mod email;
mod mailbox;
mod preferences;
mod push;
pub mod webhooks;

use serde_json::{Value, json};
use sigra_domain::Instante;
use sigra_store::notifications::Channels;

use sigra_testkit::{Persona, TestSite, reporte_in};

/// Tells what happened and delivers what is due.
async fn deliver_due(sitio: &TestSite) {
    let salidas: Channels = sitio.app.delivery_worker().channels();
    sitio.store.fan_out_avisos(salidas).await.expect("reparte");
    sitio
        .app
        .delivery_worker()
        .deliver_due()
        .await
        .expect("entrega");
}

/// Signed in again: time has passed.
async fn sign_in_again(sitio: &TestSite, quien: &Persona) -> Persona {
    sitio.session(quien.quien.clone()).await
}

/// Later.
fn advance_clock(sitio: &TestSite, ms: i64) {
    sitio.store.env().advance(ms);
}

async fn set_email(sitio: &TestSite, quien: &Persona, email: &str) {
    let admin = sitio.administrador().await;
    let r = sitio
        .request("PATCH", &format!("/usuarios/{}", quien.rut))
        .by(&admin);
    r.json(&json!({"email": email}))
        .send()
        .await
        .expect_status(200, "");
}

/// A report of this severity (1 Baja, 3 Alta); its id.
async fn create_reporte(sitio: &TestSite, autor: &Persona, severidad: i64, titulo: &str) -> i64 {
    let mut nuevo = reporte_in(1);
    nuevo["severidad_id"] = json!(severidad);
    nuevo["titulo"] = json!(titulo);
    sitio
        .create(autor, &nuevo)
        .await
        .expect_status(201, "")
        .json["id"]
        .as_i64()
        .expect("id")
}

async fn deliveries(sitio: &TestSite, admin: &Persona, estado: &str) -> Vec<Value> {
    let admin = &sign_in_again(sitio, admin).await;
    let r = sitio
        .request(
            "GET",
            &format!("/admin/entregas?estado={estado}&limite=200"),
        )
        .by(admin);
    let r = r.send().await.expect_status(200, "");
    r.json["items"].as_array().expect("items").clone()
}

const MINUTE: i64 = Instante::MINUTE;
