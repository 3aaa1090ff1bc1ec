//! The PDF of an informe, read.

use sigra_informe::{Informe, pdf};

pub use crate::lectura::Pdf;

impl Pdf {
    pub fn de(informe: &Informe) -> Self {
        Self::lee(&pdf(informe).unwrap())
    }
}
