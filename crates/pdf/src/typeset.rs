//! From data to a PDF.

use std::sync::{Mutex, PoisonError};

use jiff::{Timestamp, tz::TimeZone};
use typst::{
    comemo,
    diag::SourceDiagnostic,
    foundations::{Bytes, Datetime, Smart, dict},
};
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

use crate::{
    Document,
    photos::{MAX_PHOTOS, displayable},
    world::TypstWorld,
};

/// Rows of a list that are shown: the last ones, and how many there are.
pub const MAX_ROWS: usize = 500;
/// Characters of a text of the bitácora that are shown.
pub const MAX_CHARS: usize = 600;

/// The compiler remembers for the whole process what it computed, and a document takes some hundred
/// MiB: of two at a time each would hold the other's.
static COMPILE_LOCK: Mutex<()> = Mutex::new(());

/// Why there is no document. What people wrote leads to none of these.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("los datos del informe no se pueden escribir como JSON")]
    Datos(#[from] serde_json::Error),
    #[error("el informe no se pudo componer: {0}")]
    Compone(String),
    #[error("el informe no se pudo escribir como PDF: {0}")]
    Pdf(String),
}

/// The document, on pages of letter size. Waits for the one that is being made, if any.
pub fn pdf(informe: &Document) -> Result<Vec<u8>, Error> {
    // One that panicked left nothing behind but what is forgotten below.
    let _turno = COMPILE_LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let pdf = document(informe).and_then(|documento| export(&documento, informe));
    comemo::evict(0);
    pdf
}

fn document(informe: &Document) -> Result<PagedDocument, Error> {
    let mundo = TypstWorld::new(dict! {
        "datos" => Bytes::new(serde_json::to_vec(informe)?),
        "fotos" => displayable(&informe.fotos),
        "max_fotos" => MAX_PHOTOS,
        "max_filas" => MAX_ROWS,
        "max_signos" => MAX_CHARS,
    });
    let compilado = typst::compile::<PagedDocument>(&mundo);
    debug_assert!(compilado.warnings.is_empty(), "{:?}", compilado.warnings);
    compilado.output.map_err(|e| Error::Compone(messages(&e)))
}

fn export(documento: &PagedDocument, informe: &Document) -> Result<Vec<u8>, Error> {
    let opciones = PdfOptions {
        // A document of the same report is the same document at another time.
        ident: Smart::Custom(informe.reporte.uuid_cliente.clone()),
        creator: Smart::Custom(Some("SIGRA".to_owned())),
        timestamp: pdf_timestamp(informe.emitido_en),
        ..PdfOptions::default()
    };
    typst_pdf::pdf(documento, &opciones).map_err(|e| Error::Pdf(messages(&e)))
}

fn pdf_timestamp(en: Timestamp) -> Option<typst_pdf::Timestamp> {
    let utc = en.to_zoned(TimeZone::UTC);
    let [mes, dia, hora, minuto, segundo] = [
        utc.month(),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second(),
    ]
    .map(i8::cast_unsigned);
    Datetime::from_ymd_hms(utc.year().into(), mes, dia, hora, minuto, segundo)
        .map(typst_pdf::Timestamp::new_utc)
}

fn messages(errores: &[SourceDiagnostic]) -> String {
    let mensajes: Vec<_> = errores.iter().map(|e| e.message.as_str()).collect();
    mensajes.join("; ")
}
