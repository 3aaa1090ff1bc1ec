//! The PDF of an informe, read.

use sigra_pdf::{Document, pdf};

pub use crate::reading::Pdf;

impl Pdf {
    pub fn render(informe: &Document) -> Self {
        Self::read(&pdf(informe).unwrap())
    }
}
