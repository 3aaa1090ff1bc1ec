//! Phones come back into coverage: batches, the change feed, conflicts, the proof that nothing is
//! missing.

mod alcance;
mod carreras;
mod conflictos;
pub mod cortes;
pub mod dispositivos;
mod estado;
mod feed;
mod freno;
mod lectura;
mod lote;
mod malos;
mod mezcla;
mod modelo;
mod muere;
mod presupuesto;
mod reconciliar;
mod respuesta;
mod restaurada;

use serde_json::Value;

use crate::arnes::Sitio;

/// A batch with these items as they are written.
pub fn en_lote(sitio: &Sitio, items: &[Vec<u8>]) -> Vec<u8> {
    let ahora = sitio.store.entorno().ahora();
    let cabeza = format!(r#"{{"device_id": "moto-1", "timestamp": "{ahora}", "reportes": ["#);
    [cabeza.as_bytes(), &items.join(&b","[..]), b"]}"].concat()
}

/// The `resultado` of each item, in order.
pub fn suertes(lote: &Value) -> Vec<&str> {
    let resultados = lote["resultados"].as_array().expect("resultados");
    resultados
        .iter()
        .map(|r| r["resultado"].as_str().expect("resultado"))
        .collect()
}
