//! Writes an informe with something in every section, to look at after changing the template:
//! `cargo run -p sigra-pdf --example muestra > informe.pdf`

#[allow(clippy::unwrap_used, dead_code, reason = "belongs to the tests")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    error::Error,
    io::{self, Write},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut informe = support::complete();
    informe.bitacora.extend((5..=40).map(support::entrada));
    io::stdout().write_all(&sigra_pdf::pdf(&informe)?)?;
    Ok(())
}
