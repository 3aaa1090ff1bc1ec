//! The whole run: each database in turn, each class of operations on a copy of its own, each round of
//! SIGRA followed by one of what stands beside it, so that whatever else the machine does meets all.

use std::{collections::BTreeMap, io::IsTerminal as _, path::PathBuf, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use sqlx::{Connection as _, PgConnection};

use crate::{
    Error,
    bare::Bare,
    batches,
    cli::{Class, Cli},
    client::Connection,
    create,
    database::{Database, Databases, Engine},
    disk, files, load, process_cpu, reads, real,
    report::Results,
    samples::Samples,
    site::{Server, Site},
    wal::WalMeter,
};

/// Not counted in any figure, but its reports are.
const WARM_UP: Duration = Duration::from_millis(300);
/// Reports in a transaction of the bare database, and the figure's name.
const BARE: [(u32, &str); 3] = [(1, "base_1"), (100, "base_100"), (1_000, "base_1000")];

pub struct Bench<'a> {
    pub cli: &'a Cli,
    pub databases: Databases,
    pub samples: Samples,
    pub output: PathBuf,
}

/// What is measured, in the words of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Operation {
    pub engine: Engine,
    pub name: String,
    #[serde(skip)]
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// So many reports in each request, beside the bare database and fdatasync.
    Reportes(u32),
    /// Nothing stands beside it.
    Read,
    /// Files of so many bytes come, or go, beside files alone on so many threads.
    Files {
        write: bool,
        bytes: usize,
        threads: u32,
    },
}

/// A round's figures by their names. What could not be measured is not there.
pub type Round = BTreeMap<&'static str, f64>;

#[derive(Debug, Serialize)]
pub struct Measurement {
    #[serde(flatten)]
    pub operation: Operation,
    pub rounds: Vec<Round>,
}

impl<'a> Bench<'a> {
    pub fn new(cli: &'a Cli) -> Result<Self, Error> {
        let output = cli.output()?;
        Ok(Self {
            cli,
            databases: Databases::new(&output)?,
            samples: Samples::new()?,
            output,
        })
    }

    pub async fn run(&self) -> Result<Results, Error> {
        let engines = self
            .cli
            .motor
            .map_or(vec![Engine::Sqlite, Engine::Postgres], |one| vec![one]);
        let engines: Vec<_> = engines
            .into_iter()
            .filter(|engine| self.cli.motor.is_some() || self.databases.has(*engine))
            .collect();
        let mut results = Results::new(self, engines.contains(&Engine::Postgres)).await?;
        for engine in engines {
            let site = self.seed(engine).await?;
            for class in self.cli.classes() {
                let mut run = Run::start(self, &site).await?;
                match class {
                    Class::Crear => create::measure(&mut run).await?,
                    Class::Lotes => batches::measure(&mut run).await?,
                    Class::Leer => reads::measure(&mut run).await?,
                    Class::Cambios => reads::measure_changes(&mut run).await?,
                    Class::Archivos => files::measure(&mut run).await?,
                }
                results.measurements.append(&mut run.finish().await?);
            }
            site.remove(&self.databases).await?;
        }
        Ok(results)
    }

    async fn seed(&self, engine: Engine) -> Result<Site, Error> {
        let filas = self.cli.filas;
        let bar = progress(format!("{}: guarda {filas} reportes", engine.name()), filas);
        let database = self.databases.create(engine).await?;
        Site::seed(&self.databases, database, filas, |n| bar.inc(n.into())).await
    }
}

/// A server on a copy of the database, and a copy that is bare.
pub struct Run<'a> {
    pub bench: &'a Bench<'a>,
    pub site: Site,
    pub server: Server,
    meter: Meter,
    bare: Bare,
    bare_database: Database,
    measured: Vec<Measurement>,
    /// Reports that SIGRA acknowledged, and those of the bare database.
    acknowledged: (u64, u64),
}

impl<'a> Run<'a> {
    async fn start(bench: &'a Bench<'a>, seed: &Site) -> Result<Self, Error> {
        let site = seed.copy(&bench.databases).await?;
        let bare_database = bench.databases.copy(&seed.database).await?;
        let server = site.serve().await?;
        Ok(Self {
            bench,
            meter: Meter::open(&site.database).await?,
            site,
            server,
            bare: Bare::open(&bare_database).await?,
            bare_database,
            measured: vec![],
            acknowledged: (0, 0),
        })
    }

    pub fn engine(&self) -> Engine {
        self.site.database.engine
    }

    /// For reports that are made on the way to what is measured.
    pub fn acknowledge(&mut self, reportes: u64) {
        self.acknowledged.0 += reportes;
    }

    /// Rounds of what each of the connections does again and again, made anew for each.
    pub async fn measure<W>(
        &mut self,
        (name, kind): (&str, Kind),
        works: impl Fn(&Site) -> Result<Vec<W>, Error>,
    ) -> Result<(), Error>
    where
        W: AsyncFnMut(&mut Connection) -> Result<(), Error>,
    {
        let (engine, name) = (self.engine(), name.to_owned());
        let bar = progress(format!("{}: {name}", engine.name()), self.bench.cli.rondas);
        let warm_up = load::run(self.server.address, works(&self.site)?, WARM_UP).await?;
        self.count(kind, warm_up.requests);
        let mut rounds = Vec::new();
        for _ in 0..self.bench.cli.rondas {
            let works = works(&self.site)?;
            let mut round = self.round(kind, works).await?;
            self.beside(kind, &mut round).await?;
            rounds.push(round);
            bar.inc(1);
        }
        bar.abandon();
        let operation = Operation { engine, name, kind };
        self.measured.push(Measurement { operation, rounds });
        Ok(())
    }

    fn count(&mut self, kind: Kind, requests: u64) {
        self.acknowledged.0 += match kind {
            Kind::Reportes(n) => requests * u64::from(n),
            Kind::Files { write: true, .. } => requests,
            _ => 0,
        };
    }

    async fn round<W>(&mut self, kind: Kind, works: Vec<W>) -> Result<Round, Error>
    where
        W: AsyncFnMut(&mut Connection) -> Result<(), Error>,
    {
        let before = self.meter.read(&self.server).await?;
        let load = load::run(self.server.address, works, self.bench.cli.duration()).await?;
        let after = self.meter.read(&self.server).await?;
        self.count(kind, load.requests);
        let per_request = if let Kind::Reportes(n) = kind { n } else { 1 };
        let done = real(load.requests * u64::from(per_request));
        let size = if let Kind::Files { bytes, .. } = kind {
            mib(bytes)
        } else {
            1.0
        };
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
    async fn beside(&mut self, kind: Kind, round: &mut Round) -> Result<(), Error> {
        let (dir, duration) = (self.bench.databases.dir(), self.bench.cli.duration());
        match kind {
            Kind::Reportes(_) => {
                for (count, name) in BARE {
                    let (written, per_second) = self.bare.write(duration / 4, count).await?;
                    self.acknowledged.1 += written;
                    round.insert(name, per_second);
                }
                round.insert("disco", disk::syncs_per_second(dir, duration / 4)?);
            }
            Kind::Files {
                write,
                bytes,
                threads,
            } => {
                let same = vec![0xA5; bytes];
                let files = disk::files_per_second(dir, &same, threads, (duration, write))?;
                round.insert("disco", files * mib(bytes));
            }
            Kind::Read => {}
        }
        Ok(())
    }

    /// Whether the figures are true: every acknowledged report is there with all that belongs to it, and
    /// the bitácora is whole. Otherwise there are no results.
    async fn finish(self) -> Result<Vec<Measurement>, Error> {
        let (databases, filas) = (&self.bench.databases, u64::from(self.bench.cli.filas));
        self.server.stop().await?;
        drop((self.meter, self.bare));
        let of_sigra = (&self.site.database, filas + self.acknowledged.0);
        let of_bare = (&self.bare_database, filas + self.acknowledged.1);
        for (database, expected) in [of_sigra, of_bare] {
            // A file that comes is another version.
            let whole = "SELECT count(*) FROM reportes r WHERE r.version =
                    (SELECT count(*) FROM bitacora b WHERE b.reporte_id = r.id)
                AND r.version = (SELECT count(*) FROM cambios c WHERE c.reporte_id = r.id)
                AND 1 = (SELECT count(*) FROM aceptados a WHERE a.reporte_id = r.id)";
            for sql in [whole, "SELECT count(*) FROM reportes"] {
                let found = database.integer(sql).await?;
                if u64::try_from(found) != Ok(expected) {
                    let engine = database.engine.name();
                    return Err(format!(
                        "resultados anulados: {engine} confirmó {expected} reportes y hay {found}"
                    )
                    .into());
                }
            }
        }
        self.site.verify().await?;
        self.site.remove(databases).await?;
        databases.remove(&self.bare_database).await?;
        Ok(self.measured)
    }
}

/// What is read before a round and after it.
enum Meter {
    Sqlite(WalMeter),
    /// With the process of which the others are children, when it runs here.
    Postgres(PgConnection, Option<u32>),
}

impl Meter {
    async fn open(database: &Database) -> Result<Self, Error> {
        if database.engine == Engine::Sqlite {
            return Ok(Self::Sqlite(WalMeter::new(database.name())));
        }
        let mut conn = PgConnection::connect(&database.url).await?;
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut conn)
            .await?;
        Ok(Self::Postgres(
            conn,
            process_cpu::postmaster(backend.try_into()?),
        ))
    }

    async fn read(&mut self, server: &Server) -> Result<Round, Error> {
        let (log, postgres) = match self {
            Self::Sqlite(wal) => (wal.bytes().await, None),
            Self::Postgres(conn, postmaster) => {
                let lsn = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
                let lsn: i64 = sqlx::query_scalar(lsn).fetch_one(conn).await?;
                (
                    u64::try_from(lsn)?,
                    postmaster.and_then(process_cpu::family_us),
                )
            }
        };
        let mut read = Round::from([("log_bytes", real(log))]);
        read.extend(process_cpu::process_us(server.pid).map(|us| ("cpu_sigra_us", us)));
        read.extend(postgres.map(|us| ("cpu_postgres_us", us)));
        Ok(read)
    }
}

fn mib(bytes: usize) -> f64 {
    real(u64::try_from(bytes).unwrap_or(u64::MAX)) / f64::from(1 << 20)
}

/// A bar on a terminal, one line elsewhere. It is drawn by whoever moves it: a thread of its own would
/// take time from what is measured.
fn progress(message: String, steps: u32) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        use std::io::Write as _;
        writeln!(std::io::stderr(), "{message}").ok();
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
