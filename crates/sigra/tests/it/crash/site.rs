//! A site whose server is a process of its own: it can be killed and started again.

use std::{path::Path, time::Duration};

use sigra_store::Env;
use tempfile::TempDir;
use tokio::time::Instant;

use sigra_testkit::{
    Persona, TestDb, TestRequest, TestSite, client,
    process::{self, ServerProcess, install_test_signing_key},
    random_below,
};

/// Workers; each keeps a book of what it was told.
pub const AUTHORS: usize = 8;

pub struct ServerFixture {
    pub bd: TestDb,
    pub autores: Vec<Persona>,
    pub jefe: Persona,
    pub proceso: Option<ServerProcess>,
    /// Where the server's own files lie.
    dir: TempDir,
}

/// The way to a running server.
#[derive(Clone)]
pub struct ServerClient {
    http: reqwest::Client,
    url: String,
}

impl ServerClient {
    pub fn request(&self, metodo: &str, ruta: &str) -> TestRequest {
        TestRequest::new(&self.http, &self.url, metodo, ruta)
    }

    /// The bytes of a file that this person may see.
    pub async fn download(&self, quien: &Persona, ruta: &str) -> bytes::Bytes {
        client::download(&self.http, &self.url, &quien.token, ruta).await
    }

    /// `host:port`
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

impl ServerFixture {
    /// People in a database, and a key that signs their tokens; no server yet.
    pub async fn new(bd: TestDb) -> Self {
        let sitio = TestSite::new(bd).await;
        let mut autores = Vec::new();
        for _ in 0..AUTHORS {
            autores.push(sitio.trabajador().await);
        }
        let jefe = sitio.supervisor(&[1]).await;
        let bd = sitio.close().await;
        let dir = tempfile::tempdir().expect("directorio");
        install_test_signing_key(dir.path());
        Self {
            bd,
            autores,
            jefe,
            proceso: None,
            dir,
        }
    }

    pub async fn start(&mut self) -> ServerClient {
        self.refresh_tokens();
        let proceso = ServerProcess::start(&self.bd.url, self.dir(), &[]).await;
        self.started(proceso)
    }

    /// Behind a command, on the database as it sees it.
    pub async fn start_behind(&mut self, prefijo: &[String], base: &str) -> ServerClient {
        self.refresh_tokens();
        let proceso = ServerProcess::start_behind(prefijo, base, self.dir(), &[]).await;
        self.started(proceso)
    }

    /// On a port that stays free while the server is down: the system gives none of these to whoever
    /// asks for any.
    pub async fn start_on_any_port(&mut self) -> (u16, ServerClient) {
        for _ in 0..20 {
            let puerto = 10_000 + u16::try_from(random_below(20_000)).expect("cabe");
            if let Ok(sede) = self.start_on_port(puerto).await {
                return (puerto, sede);
            }
        }
        panic!("ningún puerto está libre");
    }

    /// The error is what the server wrote.
    pub async fn start_on_port(&mut self, puerto: u16) -> Result<ServerClient, String> {
        self.refresh_tokens();
        let escucha = format!("127.0.0.1:{puerto}");
        let variables = [("SIGRA_LISTEN", escucha.as_str())];
        let proceso = ServerProcess::start(&self.bd.url, self.dir(), &variables).await?;
        Ok(self.started(Ok(proceso)))
    }

    fn started(&mut self, proceso: Result<ServerProcess, String>) -> ServerClient {
        let proceso = proceso.expect("sigra serve arranca");
        let url = proceso.url.clone();
        self.proceso = Some(proceso);
        ServerClient {
            http: client::http(),
            url,
        }
    }

    /// Long tests outlive a token.
    pub fn refresh_tokens(&mut self) {
        let (tokens, env) = (process::tokens(), Env::default());
        for p in self.autores.iter_mut().chain([&mut self.jefe]) {
            p.token = p.issue_token(&tokens, &env);
        }
    }

    /// How many lines of the log so far begin like this.
    pub fn times_logged(&mut self, mensaje: &str) -> usize {
        let registro = &mut self.proceso.as_mut().expect("proceso").registro;
        std::iter::from_fn(|| registro.try_recv().ok())
            .filter(|linea| {
                let campos = linea.get("fields").unwrap_or(linea);
                campos["message"]
                    .as_str()
                    .is_some_and(|m| m.starts_with(mensaje))
            })
            .count()
    }

    /// `kill -9`
    pub async fn kill(&mut self) {
        self.proceso.take().expect("proceso").kill().await;
    }

    /// SIGTERM, how it ended and how long that took.
    pub async fn terminate(&mut self) -> (std::process::ExitStatus, Duration) {
        let inicio = Instant::now();
        let fin = self.proceso.take().expect("proceso").terminate().await;
        (fin, inicio.elapsed())
    }

    /// The chains by the program's own verification; every version whole; SQLite's file sound.
    pub async fn assert_consistent(&self) {
        let salida = process::command(&self.bd.url, self.dir())
            .args(["audit", "verify"])
            .output()
            .await
            .expect("sigra audit verify");
        assert!(salida.status.success(), "{salida:?}");
        self.bd.assert_rows_complete().await;
        if self.bd.dir().is_some() {
            assert_eq!(self.bd.texts("PRAGMA integrity_check").await, ["ok"]);
        }
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub async fn finish(self) {
        drop(self.proceso);
        self.bd.delete().await;
    }
}
