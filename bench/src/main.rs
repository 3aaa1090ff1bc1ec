//! `make bench`: what SIGRA does per second over HTTP, beside the bare database in the same run.
//!
//! Everything that a real request pays for is paid here: a signed token and its session, validation,
//! the bitácora's hash, the change feed, and a commit that survives a power cut.

mod archivos;
mod base;
mod cambios;
mod carga;
mod cli;
mod crear;
mod datos;
mod directa;
mod disco;
mod error;
mod gente;
mod grafico;
mod http;
mod informe;
mod lector;
mod leer;
mod lotes;
mod medida;
mod medir;
mod numero;
mod pantalla;
mod par;
mod proceso;
mod semilla;
mod servidor;
mod sitio;
mod verifica;

use std::process::ExitCode;

use clap::Parser as _;

use base::Bases;
use cli::{Cli, Orden, Plan};
use error::Error;
use pantalla::{aviso, muestra};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let resultado = match cli.orden {
        Some(Orden::Servidor) => servidor::corre(),
        None => cli.medir.plan().and_then(|plan| mide(&plan)),
    };
    match resultado {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            aviso(format!("sigra-bench: {e}"));
            ExitCode::FAILURE
        }
    }
}

fn mide(plan: &Plan) -> Result<(), Error> {
    // One thread for the load: the cores are the server's.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let bases = Bases::nuevas(&plan.salida)?;
        let medido = tokio::select! {
            medido = medir::todo(&bases, plan) => medido,
            _ = tokio::signal::ctrl_c() => Err(Error::Interrumpida),
        };
        bases.borra().await?;
        let resultados = medido?;
        muestra(informe::texto(&resultados));
        informe::guarda(&resultados, &plan.salida)
    })
}
