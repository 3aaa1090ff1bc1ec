//! A database with its people and reports, and `sigra serve` on it as a process of its own.

use std::{
    cell::Cell,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    rc::Rc,
    time::Duration,
};

use futures_util::future::try_join_all;
use serde_json::Value;
use sigra_api::{AUD_API, SigningKey, Tokens};
use sigra_domain::{Instante, Quien, Rol, Rut, hex};
use sigra_store::{
    Env, Store,
    identity::{CreateUsuario, OpenSession, Usuario},
    notifications::Channels,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{
    Error,
    client::Connection,
    database::{Database, Databases},
    samples::Samples,
};

/// As many as connections, at most.
pub const WORKERS: u16 = 64;
const FIRST_RUT: i64 = 12_000_000;
/// How long the server may take to open the database, and to close it.
const TIMEOUT: Duration = Duration::from_mins(1);
const SEED_BATCH: u32 = 500;
const SEED_CONNECTIONS: usize = 4;
/// The seeded reports were made over this time.
const PERIOD: i64 = 730 * Instante::DAY;

pub struct Site {
    pub database: Database,
    pub people: Rc<People>,
    /// Keys and files.
    data: PathBuf,
}

pub struct People {
    pub workers: Vec<Person>,
    pub administrador: Person,
    secret: [u8; 32],
    tokens: Tokens,
}

pub struct Person {
    quien: Quien,
    session: i64,
}

pub struct Server {
    pub address: SocketAddr,
    pub pid: u32,
    child: Child,
}

impl People {
    async fn create(store: &Store) -> Result<Self, Error> {
        let mut workers = Vec::new();
        for i in 0..i64::from(WORKERS) {
            workers.push(person(store, FIRST_RUT + i, Rol::Trabajador).await?);
        }
        let rut = FIRST_RUT + i64::from(WORKERS);
        let secret = store.env().random();
        let kid = "bench".into();
        Ok(Self {
            workers,
            administrador: person(store, rut, Rol::Administrador).await?,
            secret,
            tokens: Tokens::new(&[SigningKey {
                kid,
                secreto: secret,
            }]),
        })
    }

    /// Good for 15 minutes. Signed here because logging in measures argon2, which is slow on purpose;
    /// the server checks it like any other.
    pub fn token(&self, person: &Person) -> Result<String, Error> {
        let (quien, session) = (&person.quien, person.session);
        Ok(self
            .tokens
            .issue(&Env::default(), quien, session, AUD_API)?)
    }

    /// One token for each connection.
    pub fn workers(&self, connections: u32) -> Result<Vec<String>, Error> {
        let workers = (0..connections).zip(self.workers.iter().cycle());
        workers.map(|(_, worker)| self.token(worker)).collect()
    }
}

async fn person(store: &Store, rut: i64, rol: Rol) -> Result<Person, Error> {
    let rut = Rut::new(rut).map_err(|_| "RUT")?;
    let usuario = Usuario {
        rut,
        nombre: "Rosa".into(),
        apellido_1: format!("Díaz {rut}"),
        apellido_2: None,
        rol,
        areas: vec![],
        email: None,
        activo: true,
        debe_cambiar_password: false,
        creado: Instante::default(),
        // No password has this hash: nobody logs in during a measurement.
        hash_password: "$argon2id$sin-clave".into(),
    };
    let create = CreateUsuario {
        usuario,
        actor: None,
    };
    let created = store.write(create).await;
    created.map_err(|e| format!("no se pudo crear un usuario: {e:?}"))?;
    let open = OpenSession {
        rut,
        device_id: None,
        agente: None,
        direccion: "127.0.0.1".into(),
        rehash: None,
    };
    let (session, _) = store.write(open).await?;
    let quien = Quien {
        rut,
        rol,
        areas: vec![],
    };
    Ok(Person { quien, session })
}

impl Site {
    /// With so many reports, which phones sent in batches and everybody was told of.
    pub async fn seed(
        databases: &Databases,
        database: Database,
        filas: u32,
        sent: impl Fn(u32),
    ) -> Result<Self, Error> {
        let store = Store::open(&database.url, 4, Env::default()).await?;
        let people = Rc::new(People::create(&store).await?);
        let site = Self::new(databases, database, people)?;
        let server = site.serve().await?;
        site.fill(&server, filas, sent).await?;
        server.stop().await?;
        store.fan_out_avisos(Channels::default()).await?;
        store.roll_up_counts().await?;
        store.close().await;
        site.database.settle().await?;
        Ok(site)
    }

    /// The same people in a copy of their database.
    pub async fn copy(&self, databases: &Databases) -> Result<Self, Error> {
        let database = databases.copy(&self.database).await?;
        Self::new(databases, database, Rc::clone(&self.people))
    }

    fn new(databases: &Databases, database: Database, people: Rc<People>) -> Result<Self, Error> {
        let data = tempfile::tempdir_in(databases.dir())?.keep();
        let keys = format!(
            r#"{{"claves":[{{"kid":"bench","secreto":"{}","creada":"2026-01-01T00:00:00Z"}}]}}"#,
            hex(&people.secret)
        );
        write_private(&data.join("claves.json"), &keys)?;
        Ok(Self {
            database,
            people,
            data,
        })
    }

    async fn fill(&self, server: &Server, filas: u32, sent: impl Fn(u32)) -> Result<(), Error> {
        let samples = Samples::new()?;
        let (next, now) = (Cell::new(0), Env::default().now());
        let send = async |worker: &Person| {
            let token = self.people.token(worker)?;
            let mut connection = Connection::open(server.address).await?;
            while next.get() < filas {
                let from = next.get();
                let to = filas.min(from + SEED_BATCH);
                next.set(to);
                let reporte = |i: u32| {
                    let hora = now.plus(-PERIOD / i64::from(filas) * i64::from(filas - i));
                    samples.json_at(usize::try_from(i).unwrap_or(0), hora, "")
                };
                let batch = samples.batch(&(from..to).map(reporte).collect::<Vec<_>>());
                connection
                    .post_json("/sync/batch", &token, (&batch, 200))
                    .await?;
                sent(to - from);
            }
            Ok::<_, Error>(())
        };
        try_join_all(self.people.workers.iter().take(SEED_CONNECTIONS).map(send)).await?;
        Ok(())
    }

    pub async fn serve(&self) -> Result<Server, Error> {
        let mut child = self
            .sigra(&["serve"])?
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(pid), Some(log)) = (child.id(), child.stderr.take()) else {
            return Err("el servidor no arrancó".into());
        };
        let mut lines = BufReader::new(log).lines();
        let listening = async {
            let mut said = String::new();
            while let Some(line) = lines.next_line().await? {
                let json: Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(address) = json["direccion"]
                    .as_str()
                    .filter(|_| json["message"] == "escuchando")
                {
                    return Ok(address.parse()?);
                }
                said = said + &line + "\n";
            }
            Err::<SocketAddr, Error>(format!("el servidor no arrancó:\n{said}").into())
        };
        let address = tokio::time::timeout(TIMEOUT, listening).await??;
        // Its log must be read, or it would block on a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Server {
            address,
            pid,
            child,
        })
    }

    /// Whether the bitácora is whole, as `sigra audit verify` says.
    pub async fn verify(&self) -> Result<(), Error> {
        let output = self.sigra(&["audit", "verify"])?.output().await?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("resultados anulados: {}", String::from_utf8_lossy(&said)).into())
    }

    /// The program that stands beside this one.
    fn sigra(&self, args: &[&str]) -> Result<Command, Error> {
        let program = std::env::current_exe()?.with_file_name("sigra");
        if !program.exists() {
            return Err(format!("falta {}: compile sigra también", program.display()).into());
        }
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(&self.data)
            .env_clear()
            .env("SIGRA_LISTEN", "127.0.0.1:0")
            .env("SIGRA_DATA_DIR", &self.data)
            .env("SIGRA_DATABASE_URL", &self.database.url)
            .env("SIGRA_SYNC_POR_MINUTO", "0")
            .env("SIGRA_LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        Ok(command)
    }

    pub async fn remove(self, databases: &Databases) -> Result<(), Error> {
        std::fs::remove_dir_all(&self.data)?;
        databases.remove(&self.database).await
    }
}

impl Server {
    /// Stops it and waits: afterwards nobody has the database open.
    pub async fn stop(mut self) -> Result<(), Error> {
        let pid = self.pid.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        match tokio::time::timeout(TIMEOUT, self.child.wait()).await?? {
            status if status.success() => Ok(()),
            status => Err(format!("el servidor terminó con {status}").into()),
        }
    }
}

/// For its owner alone: SIGRA refuses keys that others can read.
fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = std::fs::File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.write(true).create_new(true).open(path)?;
    Ok(std::io::Write::write_all(&mut file, text.as_bytes())?)
}
