//! The API's description as the tests read it: the snapshot in the repository, which a test of its
//! own compares with what the server serves.

use std::sync::LazyLock;

use serde_json::Value;

use super::ApiResponse;

pub const OPENAPI_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

static OPENAPI: LazyLock<Value> = LazyLock::new(|| {
    let texto = std::fs::read_to_string(OPENAPI_PATH).expect("docs/openapi.json");
    serde_json::from_str(&texto).expect("docs/openapi.json es JSON")
});

/// One operation of the description.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `GET`, …
    pub metodo: String,
    /// With `{names}`.
    pub ruta: String,
    pub permiso: String,
    pub codigos: Vec<String>,
    pub json: Value,
}

pub fn operations() -> Vec<Operation> {
    let rutas = OPENAPI["paths"].as_object().expect("paths");
    rutas
        .iter()
        .flat_map(|(ruta, item)| {
            item.as_object()
                .expect("item")
                .iter()
                .map(|(metodo, op)| Operation {
                    metodo: metodo.to_uppercase(),
                    ruta: ruta.clone(),
                    permiso: op["x-sigra"]["permiso"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                    codigos: op["x-sigra"]["codigos"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(|c| c.as_str().map(str::to_owned))
                        .collect(),
                    json: op.clone(),
                })
        })
        .collect()
}

/// A schema, or the one that it refers to.
pub fn resolve_ref(esquema: &Value) -> &Value {
    let Some(referido) = esquema["$ref"].as_str() else {
        return esquema;
    };
    let apuntado = OPENAPI.pointer(&referido[1..]);
    apuntado.unwrap_or_else(|| panic!("{referido}: no está"))
}

fn matches(plantilla: &str, ruta: &str) -> bool {
    let ruta = ruta.split('?').next().unwrap_or_default();
    let partes = |t: &str| -> Vec<String> {
        t.trim_end_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect()
    };
    let (plantilla, ruta) = (partes(plantilla), partes(ruta));
    plantilla.len() == ruta.len()
        && plantilla
            .iter()
            .zip(&ruta)
            .all(|(p, r)| p == r || p.starts_with('{'))
}

/// An operation may give no code that its description does not name.
pub fn check_problema(metodo: &str, ruta: &str, r: &ApiResponse) {
    if r.status < 400 {
        return;
    }
    let tipo = r.header("content-type");
    assert_eq!(tipo, "application/problem+json", "{metodo} {ruta}: {r:?}");
    if metodo == "HEAD" {
        return; // Its problem has no body.
    }
    let todas = operations();
    let mut candidatas: Vec<_> = todas
        .iter()
        .filter(|o| o.metodo == metodo && matches(&o.ruta, ruta))
        .collect();
    // A literal path beats a template.
    candidatas.sort_by_key(|o| o.ruta.matches('{').count());
    if let Some(op) = candidatas.first() {
        let codigo = r.code();
        assert!(
            op.codigos.iter().any(|c| c == codigo),
            "{metodo} {} respondió {codigo}, que su descripción no nombra: {r:?}",
            op.ruta
        );
    }
}
