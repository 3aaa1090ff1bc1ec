//! Bytes from outside: whatever comes, the answer is a clear problem with its own code, nothing is
//! written, and the server stays as it was.

mod bodies;
mod endurance;
mod fields;
mod fuzz;
mod operations;
mod queries;
mod raw_http;
mod values;

use serde_json::{Value, json};

use sigra_testkit::files::{Photo, reporte_with};
use sigra_testkit::{ApiResponse, Persona, TestSite, openapi::Operation, reporte_in, uuid};

/// What a refused request must leave as it was: how many rows each table has, every version, every
/// phone's last sync.
pub async fn snapshot(sitio: &TestSite) -> Vec<String> {
    let tablas = [
        "usuarios",
        "usuario_areas",
        "areas",
        "severidades",
        "reportes",
        "multimedia",
        "aceptados",
        "bitacora",
        "bitacora_ajustes",
        "cambios",
        "idempotencia",
        "sesiones",
        "conflictos",
        "dispositivos",
        "subidas",
        "preferencias",
        "suscripciones_push",
        "webhooks",
        "entregas",
        "objetos",
    ];
    let filas = tablas.map(|t| format!("SELECT '{t} ' || count(*) FROM {t}"));
    let versiones = "SELECT 'versiones ' || COALESCE(sum(version), 0) FROM reportes
        UNION ALL SELECT 'presencias ' || COALESCE(sum(last_sync), 0) FROM dispositivos
        UNION ALL SELECT 'llegados ' || count(*) FROM multimedia WHERE estado <> 'pendiente'
        UNION ALL SELECT 'resueltos ' || count(resuelto) FROM conflictos";
    let sql = format!("{} UNION ALL {versiones}", filas.join(" UNION ALL "));
    sitio.bd.texts(&sql).await
}

/// The answer is this problem, with exactly these fields when it is about fields.
#[track_caller]
fn assert_problema(r: &ApiResponse, status: u16, codigo: &str, campos: &[(&str, &str)], que: &str) {
    assert_eq!((r.status, r.code()), (status, codigo), "{que}: {}", r.texto);
    let vistos: Vec<(&str, &str)> = r.json["errores"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| (e["campo"].as_str().unwrap(), e["codigo"].as_str().unwrap()))
        .collect();
    assert_eq!(vistos, campos, "{que}");
    for e in r.json["errores"].as_array().into_iter().flatten() {
        assert!(
            e["mensaje"].as_str().is_some_and(|m| m.ends_with('.')),
            "{que}: {e}"
        );
    }
}

/// A path of the description with what exists in its place.
fn concrete_path(op: &Operation, reporte: i64, quien: &Persona) -> String {
    let catalogo = op.ruta.starts_with("/catalogos");
    op.ruta
        .replace("{id}", &if catalogo { 1 } else { reporte }.to_string())
        .replace("{desde}", "3")
        .replace("{n}", "1")
        .replace("{hacia}", "1")
        .replace("{rut}", &quien.rut.to_string())
        .replace("{uuid_cliente}", &uuid())
}

/// The example of an operation's body, made valid: a new identity where one is needed.
fn example(op: &Operation) -> Option<Value> {
    let mut cuerpo = op.json["requestBody"]["content"]["application/json"]["example"].clone();
    if cuerpo.is_null() {
        return None;
    }
    if cuerpo.get("uuid_cliente").is_some() {
        cuerpo["uuid_cliente"] = json!(uuid());
    }
    Some(cuerpo)
}

async fn reporte(sitio: &TestSite, autor: &Persona) -> i64 {
    let r = sitio.create(autor, &reporte_in(1)).await;
    assert_eq!(r.status, 201, "{}", r.texto);
    r.id()
}

/// A file of a report that waits for it.
async fn archivo(sitio: &TestSite, autor: &Persona) -> i64 {
    let nuevo = reporte_with(&[&Photo::new(900)]);
    let r = sitio.create(autor, &nuevo).await.expect_status(201, "");
    r.json["multimedia"][0]["id"].as_i64().expect("id")
}

/// An open conflict about the title; its report has version 3.
async fn create_conflicto(sitio: &TestSite, autor: &Persona) -> i64 {
    let mut item = reporte_in(1);
    let creado = sitio.create(autor, &item).await.expect_status(201, "");
    let edicion = json!({"titulo": "Otro", "version": 1});
    let ruta = format!("/reportes/{}", creado.id());
    let pedido = sitio.request("PUT", &ruta).by(autor).json(&edicion);
    pedido.send().await.expect_status(200, "");
    (item["titulo"], item["version_base"]) = (json!("Un tercero"), json!(1));
    let r = sitio.push_batch(autor, &[item]).await;
    let id = &r["resultados"][0]["conflicto_id"];
    id.as_i64().unwrap_or_else(|| panic!("sin conflicto: {r}"))
}
