//! `GET /admin/export.xlsx`
//!
//! A spreadsheet's file is a zip whose directory comes last, so it is written whole, to a temporary file, row by
//! row; then it is sent. It costs disk, and as little memory with a million rows as with ten.

use std::{fs::File, io::BufWriter};

use axum::{extract::State, response::Response};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use sigra_domain::campo::FieldErrors;
use tokio::sync::mpsc;

use super::{
    pager::Pager,
    row::{COLUMNS, CellValue, Row},
};
use crate::{
    App, auth::guard::Session, body::QueryParams, code::Codigo, download, problem::Problema,
    reportes::lista::Filtros,
};

const MIME_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// What a sheet holds below its header (ECMA-376).
const MAX_ROWS: usize = 1_048_575;

/// Exportar reportes como planilla de Excel.
///
/// Lo mismo que el CSV, con fechas y números como tales, la cabecera fija y filtros. A lo más 1.048.575 filas.
#[utoipa::path(get, path = "/admin/export.xlsx", tag = "administracion", params(Filtros),
    responses((status = 200, description = "La planilla",
        content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers(("Content-Disposition" = String)))))]
pub async fn xlsx(
    State(app): State<App>,
    sesion: Session,
    QueryParams(filtros): QueryParams<Filtros>,
) -> Result<Response, Problema> {
    let mut e = FieldErrors::default();
    let filtro = filtros.to_filter(&sesion.catalogo, &mut e);
    e.finish(Some(()))?;
    let nombre = format!("reportes-{}.xlsx", app.zona().fecha(sesion.ahora));
    let mut pager = Pager::new(app, sesion, filtro)?;
    // One page ahead, and no more. Whoever leaves takes the sender along, and the writing ends.
    let (manda, recibe) = mpsc::channel(1);
    let writing = tokio::task::spawn_blocking(move || write(recibe));
    let mut van = 0;
    while let Some(filas) = pager.next_rows().await? {
        van += filas.len();
        if van > MAX_ROWS {
            return Err(Codigo::TablaMuyGrande.into());
        }
        if manda.send(Some(filas)).await.is_err() {
            break;
        }
    }
    // Without this it was cut short.
    manda.send(None).await.ok();
    drop(manda);
    let escrito = writing.await.map_err(|e| Problema::internal(&e))?;
    let archivo = escrito.map_err(|e| Problema::internal(&e))?;
    download::archivo(archivo, MIME_TYPE, &nombre).map_err(|e| Problema::internal(&e))
}

/// Runs on a thread of its own.
fn write(mut paginas: mpsc::Receiver<Option<Vec<Row>>>) -> Result<File, XlsxError> {
    let mut libro = Workbook::new();
    let hoja = libro.add_worksheet_with_constant_memory()?;
    hoja.set_name("Reportes")?;
    hoja.set_freeze_panes(1, 0)?;
    for (columna, ancho) in (0_u16..).zip(WIDTHS) {
        hoja.set_column_width(columna, ancho)?;
    }
    let formatos = CellFormats::default();
    for (columna, titulo) in (0_u16..).zip(COLUMNS) {
        hoja.write_string_with_format(0, columna, titulo, &formatos.titulo)?;
    }
    let mut n = 0;
    loop {
        match paginas.blocking_recv() {
            Some(Some(filas)) => {
                for fila in &filas {
                    n += 1;
                    write_row(hoja, n, fila, &formatos)?;
                }
            }
            Some(None) => break,
            None => return Err(XlsxError::ParameterError("nobody waits for it".into())),
        }
    }
    let ultima = u16::try_from(COLUMNS.len() - 1).unwrap_or(0);
    hoja.autofilter(0, 0, n, ultima)?;
    let archivo = tempfile::tempfile()?;
    libro.save_to_writer(BufWriter::new(&archivo))?;
    Ok(archivo)
}

/// Of each column, in characters.
const WIDTHS: [f64; COLUMNS.len()] = [
    8.0, 38.0, 40.0, 60.0, 26.0, 10.0, 12.0, 14.0, 22.0, 16.0, 12.0, 19.0, 19.0, 19.0, 19.0, 9.0,
    20.0, 11.0, 11.0, 11.0, 30.0, 9.0, 10.0, 8.0,
];

struct CellFormats {
    titulo: Format,
    dia: Format,
    hora: Format,
}

impl Default for CellFormats {
    fn default() -> Self {
        Self {
            titulo: Format::new().set_bold(),
            dia: Format::new().set_num_format("yyyy-mm-dd"),
            hora: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        }
    }
}

fn write_row(
    hoja: &mut Worksheet,
    n: u32,
    fila: &Row,
    formatos: &CellFormats,
) -> Result<(), XlsxError> {
    for (columna, celda) in (0_u16..).zip(fila) {
        match celda {
            CellValue::Vacia => {}
            // A string is never a formula, whatever it begins with.
            CellValue::Texto(t) | CellValue::Propio(t) => {
                hoja.write_string(n, columna, to_xml_text(t))?;
            }
            CellValue::Entero(x) => {
                #[allow(clippy::cast_precision_loss)] // Ids and counts, far below 2⁵³.
                hoja.write_number(n, columna, *x as f64)?;
            }
            CellValue::Decimal(x) => {
                hoja.write_number(n, columna, *x)?;
            }
            CellValue::Dia(dia) => write_date(hoja, n, columna, &dia.to_string(), &formatos.dia)?,
            CellValue::Hora(hora) => write_date(hoja, n, columna, hora, &formatos.hora)?,
        }
    }
    Ok(())
}

/// A phone's clock may say years that no spreadsheet knows: they stay a text.
fn write_date(
    hoja: &mut Worksheet,
    n: u32,
    columna: u16,
    texto: &str,
    formato: &Format,
) -> Result<(), XlsxError> {
    match ExcelDateTime::parse_from_str(texto) {
        Ok(fecha) => hoja.write_datetime_with_format(n, columna, &fecha, formato)?,
        Err(_) => hoja.write_string(n, columna, texto)?,
    };
    Ok(())
}

/// Without what XML can't hold (XML 1.0, 2.2).
fn to_xml_text(texto: &str) -> String {
    let cabe = |c: char| c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || "\t\n\r".contains(c);
    texto
        .chars()
        .map(|c| if cabe(c) { c } else { '\u{fffd}' })
        .collect()
}
