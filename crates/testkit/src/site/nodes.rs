//! Several server processes on one database, each of which can be killed and started again.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sigra_api::Tokens;
use sigra_store::Env;
use tempfile::TempDir;

use super::{Persona, TestDb, TestRequest, client};
use crate::process::{self, ServerProcess, install_test_signing_key};

pub struct Nodes {
    pub bd: TestDb,
    pub red: NodeClients,
    procesos: Vec<Option<ServerProcess>>,
    dir: TempDir,
    variables: Vec<(String, String)>,
}

/// The ways to the servers, for whoever works while they die and come back. Cheap to clone.
#[derive(Clone)]
pub struct NodeClients {
    urls: Arc<RwLock<Vec<String>>>,
    http: reqwest::Client,
    tokens: Arc<Tokens>,
}

impl Nodes {
    /// `n` servers on a database whose people are there already.
    pub async fn new(bd: TestDb, n: usize) -> Self {
        Self::with(bd, n, vec![]).await
    }

    /// The same with other settings.
    pub async fn with(bd: TestDb, n: usize, variables: Vec<(String, String)>) -> Self {
        let dir = tempfile::tempdir().expect("directorio");
        install_test_signing_key(dir.path());
        let red = NodeClients {
            urls: Arc::new(RwLock::new(vec![String::new(); n])),
            http: client::builder()
                .timeout(Duration::from_secs(30))
                .build()
                .expect("cliente"),
            tokens: Arc::new(process::tokens()),
        };
        let mut nodos = Self {
            bd,
            red,
            procesos: (0..n).map(|_| None).collect(),
            dir,
            variables,
        };
        for i in 0..n {
            nodos.start(i).await;
        }
        nodos
    }

    pub async fn start(&mut self, i: usize) {
        let mut variables = vec![
            ("SIGRA_SYNC_POR_MINUTO", "0"),
            ("SIGRA_DATABASE_CONEXIONES", "12"),
        ];
        let mas = self.variables.iter();
        variables.extend(mas.map(|(n, v)| (n.as_str(), v.as_str())));
        let proceso = ServerProcess::start(&self.bd.url, self.dir.path(), &variables).await;
        let proceso = proceso.expect("sigra serve arranca");
        let mut urls = self
            .red
            .urls
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        urls[i].clone_from(&proceso.url);
        self.procesos[i] = Some(proceso);
    }

    /// Their data directory.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Kills all of them; the database, and their data directory with its files.
    pub async fn kill_into_parts(self) -> (TestDb, TempDir) {
        for proceso in self.procesos.into_iter().flatten() {
            proceso.kill().await;
        }
        (self.bd, self.dir)
    }

    pub fn pid(&self, i: usize) -> u32 {
        self.procesos[i].as_ref().expect("proceso").pid()
    }

    /// `kill -9`
    pub async fn kill(&mut self, i: usize) {
        self.procesos[i].take().expect("proceso").kill().await;
    }

    /// The database, once all servers have ended.
    pub async fn close(self) -> TestDb {
        self.kill_into_parts().await.0
    }
}

impl NodeClients {
    pub fn node_count(&self) -> usize {
        self.urls
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    pub fn address(&self, nodo: usize) -> std::net::SocketAddr {
        let urls = self.urls.read().unwrap_or_else(PoisonError::into_inner);
        let direccion = urls[nodo].trim_start_matches("http://").parse();
        direccion.expect("dirección")
    }

    /// The bytes of a file that this person may see.
    pub async fn download(&self, nodo: usize, quien: &Persona, ruta: &str) -> bytes::Bytes {
        let url = format!("http://{}", self.address(nodo));
        client::download(&self.http, &url, &self.token(quien), ruta).await
    }

    pub fn token(&self, quien: &Persona) -> String {
        quien.issue_token(&self.tokens, &Env::default())
    }

    /// A request to one of them, under a token that has just been signed.
    pub fn request(&self, nodo: usize, quien: &Persona, metodo: &str, ruta: &str) -> TestRequest {
        let urls = self.urls.read().unwrap_or_else(PoisonError::into_inner);
        TestRequest::new(&self.http, &urls[nodo], metodo, ruta).token(&self.token(quien))
    }
}
