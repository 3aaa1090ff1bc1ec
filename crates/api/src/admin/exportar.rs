//! The list of reports as a table for spreadsheets: `GET /admin/export.csv` and `/admin/export.xlsx`

pub mod csv;
mod fila;
mod paseo;
pub mod xlsx;

use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::codigo::Codigo;

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::ServidorOcupado];
pub const CODIGOS_XLSX: &[Codigo] = &[Codigo::TablaMuyGrande];

/// A file to be saved.
fn adjunta(r: &mut Response, tipo: &'static str, nombre: &str) {
    let h = r.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::from_static(tipo));
    if let Ok(v) = HeaderValue::from_str(&format!("attachment; filename=\"{nombre}\"")) {
        h.insert(header::CONTENT_DISPOSITION, v);
    }
}
