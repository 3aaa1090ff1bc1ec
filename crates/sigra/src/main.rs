//! The one binary of SIGRA: the server and the commands around it.

mod cli;
mod commands;
mod config;
mod db;
mod error;
mod first_admin;
mod help;
mod logging;
mod output;
mod signing_keys;

/// Files pass through many threads in blocks of all sizes: with the C library's allocator, uploads left
/// several times as much memory taken as they held.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

use std::{process::ExitCode, time::Duration};

use cli::{AuditCommand, Command, ConfigCommand, KeysCommand, MediaCommand};
use config::{LoadedConfig, SettingSources};
use error::CommandError;

fn main() -> ExitCode {
    let result = match help::parse_args() {
        Ok(cli) => run(cli),
        // Help and version were asked for and are printed.
        Err(help::NoCommand::Mostrado) => Ok(()),
        Err(help::NoCommand::Error(e)) => Err(e),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprint!("{}", e.text());
            e.exit_code()
        }
    }
}

fn run(cli: cli::Cli) -> Result<(), CommandError> {
    let sources = SettingSources::from_process(cli.config);
    let config = || LoadedConfig::load(&sources).map(|loaded| loaded.config);
    match cli.orden {
        Command::Serve => block_on(commands::serve::run(config()?)),
        Command::Migrate => block_on(commands::migrate::run(config()?)),
        Command::User(orden) => block_on(commands::user::run(config()?, orden)),
        Command::Audit(AuditCommand::Verify) => block_on(commands::audit::verify(config()?)),
        Command::Audit(AuditCommand::Recount { corregir }) => {
            block_on(commands::recount::recount(config()?, corregir))
        }
        Command::Media(MediaCommand::Check) => block_on(commands::media::check(config()?)),
        Command::Media(MediaCommand::Sweep { simulacro }) => {
            block_on(commands::media::sweep(config()?, simulacro))
        }
        Command::Claves(KeysCommand::Rotar) => commands::keys::rotate(&config()?),
        Command::Config(ConfigCommand::Check) => commands::config::check(&sources),
        Command::Config(ConfigCommand::Print) => commands::config::print(&sources),
        #[cfg(feature = "demo")]
        Command::Demo(args) => block_on(async {
            sigra_demo::run(args)
                .await
                .map_err(|e| CommandError::failure(e.to_string()))
        }),
    }
}

/// Runs a command that waits for the database or the network.
fn block_on<T>(futuro: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| CommandError::failed("el sistema no da los hilos que SIGRA necesita", e))?;
    let result = runtime.block_on(futuro);
    // What is still hashing a password on a blocking thread has nobody to answer to.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}
