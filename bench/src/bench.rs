//! The whole run: each database in turn, each class of operations on a copy of its own.

use serde_json::Value;
use sigra_domain::Instante;
use sigra_store::{Env, Store, notifications::Channels};
use tempfile::TempDir;

use crate::{
    Error,
    cli::{Class, Cli},
    database::{Database, Databases, Engine},
    files,
    people::People,
    reads, report,
    run::{Measurement, Run, progress},
    samples::Samples,
    site::{self, ServerProcess},
    writes,
};

pub struct Bench<'a> {
    pub cli: &'a Cli,
    pub databases: Databases,
    pub samples: Samples,
}

pub struct Results {
    pub started: Instante,
    pub commit: Option<String>,
    /// What it promises; null when it was not measured.
    pub postgres: Value,
    pub measurements: Vec<Measurement>,
}

impl<'a> Bench<'a> {
    pub fn new(cli: &'a Cli) -> Result<Self, Error> {
        Ok(Self {
            cli,
            databases: Databases::new(&cli.output()?)?,
            samples: Samples::new()?,
        })
    }

    pub async fn run(&self) -> Result<Results, Error> {
        let engines = self.cli.motor.map(|engine| vec![engine]);
        let engines = engines.unwrap_or_else(|| self.databases.engines());
        let mut postgres = Value::Null;
        if engines.contains(&Engine::Postgres) {
            postgres = self.databases.durability().await?;
        }
        let (started, commit) = (Env::default().now(), report::commit());
        let mut measurements = Vec::new();
        for engine in engines {
            let (seed, people) = self.seed(engine).await?;
            for class in self.cli.classes() {
                let mut run = Run::start(self, &seed, &people).await?;
                match class {
                    Class::Crear => writes::measure(&mut run).await?,
                    Class::Lotes => writes::measure_batches(&mut run).await?,
                    Class::Leer => reads::measure(&mut run).await?,
                    Class::Cambios => reads::measure_changes(&mut run).await?,
                    Class::Archivos => files::measure(&mut run).await?,
                }
                measurements.append(&mut run.finish().await?);
            }
            self.databases.remove(&seed).await?;
        }
        Ok(Results {
            started,
            commit,
            postgres,
            measurements,
        })
    }

    /// A database with people and reports, of which everybody was told.
    async fn seed(&self, engine: Engine) -> Result<(Database, People), Error> {
        let filas = self.cli.filas;
        let bar = progress(format!("{}: guarda {filas} reportes", engine.name()), filas);
        let database = self.databases.create(engine, "semilla", None).await?;
        let store = Store::open(&database.url, 4, Env::default()).await?;
        let people = People::create(&store).await?;
        let data = self.data_dir()?;
        let server = ServerProcess::start(data.path(), &database.url).await?;
        let sent = |n: u32| bar.inc(n.into());
        people.fill(&server, (&self.samples, filas), sent).await?;
        server.terminate().await?;
        store.fan_out_avisos(Channels::default()).await?;
        store.roll_up_counts().await?;
        store.close().await;
        bar.abandon();
        Ok((database, people))
    }

    /// For the signing key and for files.
    pub fn data_dir(&self) -> Result<TempDir, Error> {
        let dir = tempfile::tempdir_in(self.databases.dir())?;
        site::install_signing_key(dir.path())?;
        Ok(dir)
    }
}
