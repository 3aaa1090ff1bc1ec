//! The hash of a report's content, made from what was sent and not from what the server read of it.

use serde_json::{Value, json};
use sigra_domain::sha256_hex;

/// Its `sha256_contenido` as the contract defines it: absent is null, the manifest by uuid.
pub fn expected_hash(cuerpo: &Value) -> String {
    let mut contenido = json!({});
    for campo in [
        "titulo",
        "descripcion",
        "area_id",
        "severidad_id",
        "ubicacion",
        "multimedia",
    ] {
        contenido[campo] = cuerpo[campo].clone();
    }
    if let Some(u) = contenido["ubicacion"].as_object_mut() {
        for campo in ["precision_m", "referencia"] {
            u.entry(campo).or_insert(Value::Null);
        }
    }
    if let Some(m) = contenido["multimedia"].as_array_mut() {
        m.sort_by_key(|a| a["uuid_cliente"].as_str().unwrap().to_owned());
    }
    sha256_hex(&serde_json_canonicalizer::to_vec(&contenido).unwrap())
}
