//! What leaves for others: who gets it, when, in what order, and what happens when they don't answer.

mod buzon;
mod correo;
mod preferencias;
mod push;
mod receptor;
mod turnos;
pub mod webhooks;

use serde_json::{Value, json};
use sigra_domain::Instante;
use sigra_store::avisos::Salidas;

use crate::arnes::{Persona, Sitio, reporte_en};

/// Tells what happened and delivers what is due.
async fn reparte(sitio: &Sitio) {
    let salidas: Salidas = sitio.app.cartero().salidas();
    sitio.store.reparte_avisos(salidas).await.expect("reparte");
    sitio.app.cartero().reparte().await.expect("entrega");
}

/// Signed in again: time has passed.
async fn de_nuevo(sitio: &Sitio, quien: &Persona) -> Persona {
    sitio.sesion(quien.quien.clone()).await
}

/// Later.
fn pasan(sitio: &Sitio, ms: i64) {
    sitio.store.entorno().adelanta(ms);
}

async fn con_email(sitio: &Sitio, quien: &Persona, email: &str) {
    let admin = sitio.administrador().await;
    let r = sitio
        .pide("PATCH", &format!("/usuarios/{}", quien.rut))
        .como(&admin);
    r.json(&json!({"email": email}))
        .envia()
        .await
        .espera(200, "");
}

/// A report of this severity (1 Baja, 3 Alta); its id.
async fn reporta(sitio: &Sitio, autor: &Persona, severidad: i64, titulo: &str) -> i64 {
    let mut nuevo = reporte_en(1);
    nuevo["severidad_id"] = json!(severidad);
    nuevo["titulo"] = json!(titulo);
    sitio.crea(autor, &nuevo).await.espera(201, "").json["id"]
        .as_i64()
        .expect("id")
}

async fn entregas(sitio: &Sitio, admin: &Persona, estado: &str) -> Vec<Value> {
    let admin = &de_nuevo(sitio, admin).await;
    let r = sitio
        .pide(
            "GET",
            &format!("/admin/entregas?estado={estado}&limite=200"),
        )
        .como(admin);
    let r = r.envia().await.espera(200, "");
    r.json["items"].as_array().expect("items").clone()
}

const MINUTO: i64 = Instante::MINUTO;
