//! Rounds of SIGRA, each followed by one of what stands beside it, so that whatever else the machine does
//! meets all; and whether their figures are true.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use sigra_testkit::process::{self, ServerProcess};
use tempfile::TempDir;

use crate::{
    Error,
    bare::Bare,
    bench::{Bench, terminate},
    client::Connection,
    database::{Database, Engine},
    disk, load,
    meter::Meter,
    people::People,
    real,
};

/// Not counted in any figure, but its reports are.
const WARM_UP: Duration = Duration::from_millis(300);
/// Reports in a transaction of the bare database, and the figure's name.
const BARE: [(u32, &str); 3] = [(1, "base_1"), (100, "base_100"), (1_000, "base_1000")];

pub struct Measurement {
    pub engine: Engine,
    pub name: String,
    pub kind: Kind,
    pub rounds: Vec<Round>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// So many reports in each request, beside the bare database and fdatasync.
    Reportes(u32),
    /// Nothing stands beside it.
    Read,
    /// Photos of so many bytes come with a report each, beside the disk.
    Upload(usize),
    /// They go.
    Download(usize),
}

/// A round's figures by their names. What could not be measured is not there.
pub type Round = BTreeMap<&'static str, f64>;

/// A server on a copy of the database, and a copy that is bare.
pub struct Run<'a> {
    pub bench: &'a Bench<'a>,
    pub people: &'a People,
    pub server: ServerProcess,
    /// Reports that SIGRA acknowledged.
    pub acknowledged: u64,
    data: TempDir,
    database: Database,
    meter: Meter,
    bare: Bare,
    bare_database: Database,
    bare_acknowledged: u64,
    measured: Vec<Measurement>,
}

impl<'a> Run<'a> {
    pub async fn start(
        bench: &'a Bench<'_>,
        seed: &Database,
        people: &'a People,
    ) -> Result<Self, Error> {
        let copy = async |name| bench.databases.create(seed.engine, name, Some(seed)).await;
        let (database, bare_database) = (copy("sigra").await?, copy("sola").await?);
        let data = bench.data_dir()?;
        Ok(Self {
            bench,
            people,
            server: bench.serve(&data, &database).await?,
            acknowledged: bench.cli.filas.into(),
            data,
            meter: Meter::open(&database).await?,
            database,
            bare: Bare::open(&bare_database).await?,
            bare_database,
            bare_acknowledged: bench.cli.filas.into(),
            measured: vec![],
        })
    }

    /// Rounds of what each of the connections does again and again, made anew for each.
    pub async fn measure<W>(
        &mut self,
        (name, kind): (&str, Kind),
        works: impl Fn(&People) -> Vec<W>,
    ) -> Result<(), Error>
    where
        W: AsyncFnMut(&mut Connection) -> Result<(), Error>,
    {
        let (engine, name) = (self.database.engine, name.to_owned());
        let bar = progress(format!("{}: {name}", engine.name()), self.bench.cli.rondas);
        self.round(kind, works(self.people), WARM_UP).await?;
        let (mut rounds, duration) = (Vec::new(), self.bench.cli.duration());
        for _ in 0..self.bench.cli.rondas {
            let mut round = self.round(kind, works(self.people), duration).await?;
            self.beside(kind, duration, &mut round).await?;
            rounds.push(round);
            bar.inc(1);
        }
        bar.abandon();
        self.measured.push(Measurement {
            engine,
            name,
            kind,
            rounds,
        });
        Ok(())
    }

    async fn round<W>(
        &mut self,
        kind: Kind,
        works: Vec<W>,
        duration: Duration,
    ) -> Result<Round, Error>
    where
        W: AsyncFnMut(&mut Connection) -> Result<(), Error>,
    {
        let before = self.meter.read(self.server.pid()).await?;
        let load = load::run(self.server.address, works, duration).await?;
        let after = self.meter.read(self.server.pid()).await?;
        let (mut done, mut size) = (load.latencies.len(), 1.0);
        match kind {
            Kind::Reportes(n) => done *= u64::from(n),
            Kind::Upload(bytes) | Kind::Download(bytes) => size = mib(bytes),
            Kind::Read => {}
        }
        if matches!(kind, Kind::Reportes(_) | Kind::Upload(_)) {
            self.acknowledged += done;
        }
        let done = real(done);
        let ms = |quantile| real(load.latencies.value_at_quantile(quantile)) / 1_000.0;
        let mut round = Round::from([
            ("red_bytes", real(load.bytes) / done),
            ("por_segundo", done * size / load.seconds),
            ("p50_ms", ms(0.5)),
            ("p99_ms", ms(0.99)),
        ]);
        for (name, after) in after {
            if let Some(before) = before.get(name) {
                round.insert(name, (after - before) / done);
            }
        }
        Ok(round)
    }

    /// What stands beside it takes as long as it did.
    async fn beside(
        &mut self,
        kind: Kind,
        duration: Duration,
        round: &mut Round,
    ) -> Result<(), Error> {
        let dir = self.bench.databases.dir();
        match kind {
            Kind::Reportes(_) => {
                for (count, name) in BARE {
                    let (written, per_second) = self.bare.write(duration / 4, count).await?;
                    self.bare_acknowledged += written;
                    round.insert(name, per_second);
                }
                round.insert("disco", disk::syncs_per_second(dir, duration / 4)?);
            }
            Kind::Upload(bytes) | Kind::Download(bytes) => {
                let write = matches!(kind, Kind::Upload(_));
                let files = disk::files_per_second(dir, &vec![0xA5; bytes], duration, write)?;
                round.insert("disco", files * mib(bytes));
            }
            Kind::Read => {}
        }
        Ok(())
    }

    /// Whether the figures are true: every acknowledged report is there with all that belongs to it, and
    /// the bitácora is whole. Otherwise there are no results.
    pub async fn finish(self) -> Result<Vec<Measurement>, Error> {
        terminate(self.server).await?;
        drop((self.meter, self.bare));
        let of_sigra = (&self.database, self.acknowledged);
        let of_bare = (&self.bare_database, self.bare_acknowledged);
        for (database, expected) in [of_sigra, of_bare] {
            if database.whole_reportes().await? != expected {
                let engine = database.engine.name();
                return Err(format!(
                    "resultados anulados: {engine} confirmó {expected} reportes y no están"
                )
                .into());
            }
        }
        let mut verify = process::command(&self.database.url, self.data.path());
        let verify = verify.args(["audit", "verify"]).output().await?;
        if !verify.status.success() {
            let said = [verify.stdout, verify.stderr].concat();
            return Err(format!("resultados anulados: {}", String::from_utf8_lossy(&said)).into());
        }
        for database in [&self.database, &self.bare_database] {
            self.bench.databases.remove(database).await?;
        }
        Ok(self.measured)
    }
}

fn mib(bytes: usize) -> f64 {
    real(u64::try_from(bytes).unwrap_or(u64::MAX)) / f64::from(1 << 20)
}

/// A bar on a terminal, one line elsewhere. It is drawn by whoever moves it: a thread of its own would
/// take time from what is measured.
pub fn progress(message: String, steps: u32) -> ProgressBar {
    if !stderr().is_terminal() {
        writeln!(stderr(), "{message}").ok();
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps.into());
    if let Ok(style) = ProgressStyle::with_template("{msg:50} {bar:30} {pos:>6}/{len} {elapsed:>4}")
    {
        bar.set_style(style);
    }
    bar.set_message(message);
    bar.tick();
    bar
}
