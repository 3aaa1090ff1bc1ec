//! Another system that takes webhooks, or a push service: it keeps what it gets and answers as it is told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{Persona, TestSite};

/// A request.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub ruta: String,
    pub cabeceras: HashMap<String, String>,
    pub cuerpo: Vec<u8>,
}

impl ReceivedRequest {
    pub fn header(&self, nombre: &str) -> &str {
        self.cabeceras.get(nombre).map_or("", String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.cuerpo).expect("JSON")
    }

    /// Of which report a webhook tells, and of which version of it.
    pub fn reporte_version(&self) -> (i64, i64) {
        let d = &self.json()["data"];
        let n = |campo: &str| d[campo].as_i64().expect(campo);
        (n("reporte_id"), n("version"))
    }
}

type Responder = dyn Fn(&ReceivedRequest) -> u16 + Send + Sync;

pub struct HttpReceiver {
    pub url: String,
    recibidos: Arc<Mutex<Vec<ReceivedRequest>>>,
    pub cuantos: watch::Receiver<usize>,
}

impl HttpReceiver {
    /// `responde` says with which status.
    pub async fn open(responde: impl Fn(&ReceivedRequest) -> u16 + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("puerto");
        let url = format!("http://{}", listener.local_addr().expect("dirección"));
        let recibidos = Arc::<Mutex<Vec<ReceivedRequest>>>::default();
        let (dice, cuantos) = watch::channel(0);
        let (guarda, responde) = (
            Arc::clone(&recibidos),
            Arc::<Responder>::from(Box::new(responde) as Box<Responder>),
        );
        let dice = Arc::new(dice);
        tokio::spawn(async move {
            while let Ok((s, _)) = listener.accept().await {
                let (guarda, responde, dice) = (
                    Arc::clone(&guarda),
                    Arc::clone(&responde),
                    Arc::clone(&dice),
                );
                tokio::spawn(async move {
                    let mut s = BufReader::new(s);
                    while let Some(r) = read(&mut s).await {
                        let status = responde(&r);
                        guarda.lock().expect("lista").push(r);
                        dice.send_modify(|n| *n += 1);
                        let respuesta = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                        if s.write_all(respuesta.as_bytes()).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self {
            url,
            recibidos,
            cuantos,
        }
    }

    /// All so far.
    pub fn all(&self) -> Vec<ReceivedRequest> {
        self.recibidos.lock().expect("lista").clone()
    }
}

impl TestSite {
    /// A webhook at this address for these events; its id and secret.
    pub async fn create_webhook(
        &self,
        admin: &Persona,
        url: &str,
        eventos: &[&str],
    ) -> (i64, String) {
        let cuerpo = json!({"url": url, "eventos": eventos, "descripcion": "Gestión"});
        let pedido = self.request("POST", "/admin/webhooks").by(admin);
        let r = pedido.json(&cuerpo).send().await.expect_status(201, "");
        let secreto = r.json["secreto"].as_str().expect("secreto").to_owned();
        assert!(secreto.starts_with("whsec_"), "{secreto}");
        (r.id(), secreto)
    }
}

/// The next request; `None` when there is none, or only a part of one.
async fn read(s: &mut BufReader<TcpStream>) -> Option<ReceivedRequest> {
    let mut linea = String::new();
    s.read_line(&mut linea).await.ok().filter(|n| *n > 0)?;
    let ruta = linea.split(' ').nth(1)?.to_owned();
    let mut cabeceras = HashMap::new();
    loop {
        let mut linea = String::new();
        s.read_line(&mut linea).await.ok().filter(|n| *n > 0)?;
        let linea = linea.trim_end();
        if linea.is_empty() {
            break;
        }
        let (nombre, valor) = linea.split_once(':')?;
        cabeceras.insert(nombre.to_ascii_lowercase(), valor.trim().to_owned());
    }
    let largo = cabeceras
        .get("content-length")
        .and_then(|v| v.parse().ok())
        .unwrap_or(0);
    let mut cuerpo = vec![0; largo];
    s.read_exact(&mut cuerpo).await.ok()?;
    Some(ReceivedRequest {
        ruta,
        cabeceras,
        cuerpo,
    })
}
