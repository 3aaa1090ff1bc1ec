//! A site whose server is a process of its own: it can be killed and started again.

use std::{path::Path, time::Duration};

use sigra_api::{AUD_API, ClaveFirma, Tokens};
use sigra_store::Entorno;
use tempfile::TempDir;
use tokio::{process::Command, time::Instant};

use crate::arnes::{
    Bd, Pedido, Persona, SECRETO, Sitio, dado,
    proceso::{Proceso, firma_de_pruebas},
};

/// Workers; each keeps a book of what it was told.
pub const AUTORES: usize = 8;

pub struct Planta {
    pub bd: Bd,
    pub autores: Vec<Persona>,
    pub jefe: Persona,
    pub proceso: Option<Proceso>,
    /// Where the server's own files lie.
    dir: TempDir,
}

/// The way to a running server.
#[derive(Clone)]
pub struct Sede {
    http: reqwest::Client,
    url: String,
}

impl Sede {
    pub fn pide(&self, metodo: &str, ruta: &str) -> Pedido {
        Pedido::nuevo(&self.http, &self.url, metodo, ruta)
    }

    /// The bytes of a file that this person may see.
    pub async fn baja(&self, quien: &Persona, ruta: &str) -> bytes::Bytes {
        let pedido = self.http.get(format!("{}{ruta}", self.url));
        let r = pedido.bearer_auth(&quien.token).send().await.expect("baja");
        assert_eq!(r.status().as_u16(), 200, "{ruta}");
        r.bytes().await.expect("baja")
    }

    /// `host:port`
    pub fn direccion(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

impl Planta {
    /// People in a database, and a key that signs their tokens; no server yet.
    pub async fn nueva(bd: Bd) -> Self {
        let sitio = Sitio::nuevo(bd).await;
        let mut autores = Vec::new();
        for _ in 0..AUTORES {
            autores.push(sitio.trabajador().await);
        }
        let jefe = sitio.supervisor(&[1]).await;
        let bd = sitio.cierra().await;
        let dir = tempfile::tempdir().expect("directorio");
        firma_de_pruebas(dir.path());
        Self {
            bd,
            autores,
            jefe,
            proceso: None,
            dir,
        }
    }

    pub async fn arranca(&mut self) -> Sede {
        self.renueva();
        let proceso = Proceso::arranca(&self.bd.url, self.dir(), &[]).await;
        self.arrancado(proceso)
    }

    /// Behind a command, on the database as it sees it.
    pub async fn arranca_tras(&mut self, prefijo: &[String], base: &str) -> Sede {
        self.renueva();
        let proceso = Proceso::arranca_tras(prefijo, base, self.dir(), &[]).await;
        self.arrancado(proceso)
    }

    /// On a port that stays free while the server is down: the system gives none of these to whoever
    /// asks for any.
    pub async fn arranca_donde_sea(&mut self) -> (u16, Sede) {
        for _ in 0..20 {
            let puerto = 10_000 + u16::try_from(dado(20_000)).expect("cabe");
            if let Ok(sede) = self.arranca_en(puerto).await {
                return (puerto, sede);
            }
        }
        panic!("ningún puerto está libre");
    }

    /// The error is what the server wrote.
    pub async fn arranca_en(&mut self, puerto: u16) -> Result<Sede, String> {
        self.renueva();
        let escucha = format!("127.0.0.1:{puerto}");
        let variables = [("SIGRA_LISTEN", escucha.as_str())];
        let proceso = Proceso::arranca(&self.bd.url, self.dir(), &variables).await?;
        Ok(self.arrancado(Ok(proceso)))
    }

    fn arrancado(&mut self, proceso: Result<Proceso, String>) -> Sede {
        let proceso = proceso.expect("sigra serve arranca");
        let url = proceso.url.clone();
        self.proceso = Some(proceso);
        let http = reqwest::Client::builder().no_proxy().build();
        Sede {
            http: http.expect("cliente"),
            url,
        }
    }

    /// Long tests outlive a token.
    pub fn renueva(&mut self) {
        let clave = ClaveFirma {
            kid: "prueba".into(),
            secreto: SECRETO,
        };
        let tokens = Tokens::nuevos(&[clave]);
        for p in self.autores.iter_mut().chain([&mut self.jefe]) {
            let token = tokens.emite(&Entorno::default(), &p.quien, p.sesion_id, AUD_API);
            p.token = token.expect("token");
        }
    }

    /// How many lines of the log so far begin like this.
    pub fn dicho(&mut self, mensaje: &str) -> usize {
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
    pub async fn mata(&mut self) {
        self.proceso.take().expect("proceso").mata().await;
    }

    /// SIGTERM, how it ended and how long that took.
    pub async fn termina(&mut self) -> (std::process::ExitStatus, Duration) {
        let inicio = Instant::now();
        let fin = self.proceso.take().expect("proceso").termina().await;
        (fin, inicio.elapsed())
    }

    /// The chains by the program's own verification; every version whole; SQLite's file sound.
    pub async fn en_orden(&self) {
        let salida = Command::new(env!("CARGO_BIN_EXE_sigra"))
            .args(["audit", "verify"])
            .env_clear()
            .env("SIGRA_DATA_DIR", self.dir())
            .env("SIGRA_DATABASE_URL", &self.bd.url)
            .current_dir(self.dir())
            .output()
            .await
            .expect("sigra audit verify");
        assert!(salida.status.success(), "{salida:?}");
        self.bd.filas_completas().await;
        if self.bd.dir().is_some() {
            assert_eq!(self.bd.textos("PRAGMA integrity_check").await, ["ok"]);
        }
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub async fn fin(self) {
        drop(self.proceso);
        self.bd.borra().await;
    }
}
