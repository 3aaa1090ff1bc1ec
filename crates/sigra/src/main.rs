//! The one binary of SIGRA: the server and the commands around it.

mod archivos;
mod ayuda;
mod base;
mod cli;
mod commands;
mod config;
mod envios;
mod error;
mod mantencion;
mod primer_administrador;
mod registro;
mod salida;
mod secretos;

/// Files pass through many threads in blocks of all sizes: with the C library's allocator, uploads left
/// several times as much memory taken as they held.
#[global_allocator]
static MEMORIA: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

use std::{process::ExitCode, time::Duration};

use cli::{Orden, OrdenAudit, OrdenClaves, OrdenConfig, OrdenMedia};
use config::{Fuentes, Leida};
use error::ErrorComando;

fn main() -> ExitCode {
    let resultado = match ayuda::lee() {
        Ok(cli) => corre(cli),
        // Help and version were asked for and are printed.
        Err(ayuda::SinOrden::Mostrado) => Ok(()),
        Err(ayuda::SinOrden::Error(e)) => Err(e),
    };
    match resultado {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprint!("{}", e.texto());
            e.codigo()
        }
    }
}

fn corre(cli: cli::Cli) -> Result<(), ErrorComando> {
    let fuentes = Fuentes::del_proceso(cli.config);
    let config = || Leida::de(&fuentes).map(|leida| leida.config);
    match cli.orden {
        Orden::Serve => en_tokio(commands::serve::ejecutar(config()?)),
        Orden::Migrate => en_tokio(commands::migrate::ejecutar(config()?)),
        Orden::User(orden) => en_tokio(commands::user::ejecutar(config()?, orden)),
        Orden::Audit(OrdenAudit::Verify) => en_tokio(commands::audit::verify(config()?)),
        Orden::Audit(OrdenAudit::Recount { corregir }) => {
            en_tokio(commands::recount::recount(config()?, corregir))
        }
        Orden::Media(OrdenMedia::Check) => en_tokio(commands::media::check(config()?)),
        Orden::Media(OrdenMedia::Sweep { simulacro }) => {
            en_tokio(commands::media::sweep(config()?, simulacro))
        }
        Orden::Claves(OrdenClaves::Rotar) => commands::claves::rotar(&config()?),
        Orden::Config(OrdenConfig::Check) => commands::config::check(&fuentes),
        Orden::Config(OrdenConfig::Print) => commands::config::print(&fuentes),
        Orden::Demo(args) => en_tokio(async {
            commands::demo::ejecutar(args)
                .await
                .map_err(|e| ErrorComando::falla(e.to_string()))
        }),
    }
}

/// Runs a command that waits for the database or the network.
fn en_tokio<T>(futuro: impl Future<Output = Result<T, ErrorComando>>) -> Result<T, ErrorComando> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| ErrorComando::al("el sistema no da los hilos que SIGRA necesita", e))?;
    let resultado = runtime.block_on(futuro);
    // What is still hashing a password on a blocking thread has nobody to answer to.
    runtime.shutdown_timeout(Duration::from_secs(1));
    resultado
}
