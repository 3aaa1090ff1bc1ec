//! `make bench`: what SIGRA does per second over HTTP and what each report costs, beside the bare
//! database and the bare disk in the same run.
//!
//! Everything that a real request pays for is paid: a signed token and its session, validation, the
//! bitácora's hash, the feed, and a commit that survives a power cut; `sigra serve` runs all its workers.

mod bare;
mod bench;
mod chart;
mod cli;
mod client;
mod database;
mod disk;
mod files;
mod load;
mod meter;
mod people;
mod process_cpu;
mod reads;
mod report;
mod run;
mod samples;
mod wal;
mod writes;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;

use bench::Bench;
use cli::Cli;

/// A sentence for whoever started the measurement.
type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "sigra-bench: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Error> {
    // One thread for the load: the cores are the server's.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let bench = Bench::new(cli)?;
        let results = tokio::select! {
            results = bench.run() => results?,
            _ = tokio::signal::ctrl_c() => return Err("la medición se interrumpió".into()),
        };
        report::publish(&results, cli)
    })
}

/// Counts here stay far below 2^53.
#[expect(clippy::cast_precision_loss)]
fn real(n: u64) -> f64 {
    n as f64
}
