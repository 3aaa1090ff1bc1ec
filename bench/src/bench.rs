//! The whole run: each database in turn, each class of operations on a copy of its own.

use serde_json::Value;
use sigra_domain::Instante;
use sigra_store::{Env, Store, notifications::Channels};
use sigra_testkit::process::{ServerProcess, install_test_signing_key};
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
        let server = self.serve(&data, &database).await?;
        let sent = |n: u32| bar.inc(n.into());
        people
            .fill(server.address, (&self.samples, filas), sent)
            .await?;
        terminate(server).await?;
        store.fan_out_avisos(Channels::default()).await?;
        store.roll_up_counts().await?;
        store.close().await;
        bar.abandon();
        Ok((database, people))
    }

    /// For the signing key and for files.
    pub fn data_dir(&self) -> Result<TempDir, Error> {
        let dir = tempfile::tempdir_in(self.databases.dir())?;
        install_test_signing_key(dir.path());
        Ok(dir)
    }

    /// `sigra serve` with all its workers.
    pub async fn serve(&self, data: &TempDir, database: &Database) -> Result<ServerProcess, Error> {
        let unlimited = [("SIGRA_SYNC_POR_MINUTO", "0")];
        Ok(ServerProcess::start(&database.url, data.path(), &unlimited).await?)
    }
}

/// Afterwards nobody has the database open.
pub async fn terminate(server: ServerProcess) -> Result<(), Error> {
    match server.terminate().await {
        status if status.success() => Ok(()),
        status => Err(format!("el servidor terminó con {status}").into()),
    }
}
