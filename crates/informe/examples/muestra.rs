//! Writes an informe with something in every section, to look at after changing the template:
//! `cargo run -p sigra-informe --example muestra > informe.pdf`

#[allow(clippy::unwrap_used, dead_code, reason = "belongs to the tests")]
#[path = "../tests/comun/mod.rs"]
mod comun;

use std::{
    error::Error,
    io::{self, Write},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut informe = comun::completo();
    informe.bitacora.extend((5..=40).map(comun::entrada));
    io::stdout().write_all(&sigra_informe::pdf(&informe)?)?;
    Ok(())
}
