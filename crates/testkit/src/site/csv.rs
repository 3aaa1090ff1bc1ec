//! The tables that SIGRA exports, as a spreadsheet reads them.

use std::collections::HashMap;

/// All rows, with the first, which names the columns.
pub fn records(csv: &str, separador: u8) -> Vec<Vec<String>> {
    let csv = csv.strip_prefix('\u{feff}').expect("BOM");
    let mut lector = csv::ReaderBuilder::new()
        .delimiter(separador)
        .has_headers(false)
        .from_reader(csv.as_bytes());
    let filas = lector.records().map(|f| f.expect("fila"));
    filas.map(|f| f.iter().map(Into::into).collect()).collect()
}

/// Each row by the names of its columns.
pub fn rows(csv: &str, separador: u8) -> Vec<HashMap<String, String>> {
    let mut filas = records(csv, separador).into_iter();
    let nombres = filas.next().expect("encabezado");
    filas
        .map(|f| nombres.iter().cloned().zip(f).collect())
        .collect()
}
