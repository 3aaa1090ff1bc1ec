//! The list of reports as a table for spreadsheets: `GET /admin/export.csv` and `/admin/export.xlsx`

pub mod csv;
mod fila;
mod paseo;
pub mod xlsx;

use crate::codigo::Codigo;

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::ServidorOcupado];
pub const CODIGOS_XLSX: &[Codigo] = &[Codigo::TablaMuyGrande];
