//! The list of reports as a table for spreadsheets: `GET /admin/export.csv` and `/admin/export.xlsx`

pub mod csv;
mod pager;
mod row;
pub mod xlsx;

use crate::code::Codigo;

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::ServidorOcupado];
pub const CODIGOS_XLSX: &[Codigo] = &[Codigo::TablaMuyGrande];
