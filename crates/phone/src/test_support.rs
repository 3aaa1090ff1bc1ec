//! What the tests of this crate share: a phone on a temporary file, and a server that gives the
//! answers it was told to.

use std::{
    collections::VecDeque,
    io::Read as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use sigra_domain::reporte::Contenido;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{ApiResponse, Patch, Phone, PhoneOptions, Tokens};

/// What the server does with one request.
pub(crate) enum Reply {
    Con(u16, Value),
    /// With other headers, and whatever body.
    Crudo(&'static str, &'static str),
    /// It takes the request and the answer is lost.
    SePierde,
    /// By the request's body.
    Segun(fn(&Value) -> Value),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct RecordedRequest {
    /// `POST /sync/batch`
    pub linea: String,
    pub token: Option<String>,
    /// As it travelled.
    pub crudo: Vec<u8>,
    /// Decompressed; null without a body.
    pub cuerpo: Value,
}

#[derive(Clone, Default)]
pub(crate) struct ScriptedServer {
    requests: Arc<Mutex<Vec<RecordedRequest>>>,
    respuestas: Arc<Mutex<VecDeque<Reply>>>,
}

impl ScriptedServer {
    /// The answers to the next requests, in order; one request more than that gets none.
    pub(crate) fn enqueue_answers(&self, respuestas: impl IntoIterator<Item = Reply>) {
        self.respuestas.lock().unwrap().extend(respuestas);
    }

    /// The requests that came since this was last called.
    pub(crate) fn take_requests(&self) -> Vec<RecordedRequest> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    async fn serve(self, mut conn: TcpStream) {
        while let Some(request) = read(&mut conn).await {
            let cuerpo = request.cuerpo.clone();
            self.requests.lock().unwrap().push(request);
            let contesta = self.respuestas.lock().unwrap().pop_front();
            let (status, json) = match contesta {
                None | Some(Reply::SePierde) => return,
                Some(Reply::Crudo(cabeza, cuerpo)) => {
                    let n = cuerpo.len();
                    let text = format!("HTTP/1.1 {cabeza}\r\ncontent-length: {n}\r\n\r\n{cuerpo}");
                    conn.write_all(text.as_bytes()).await.unwrap();
                    continue;
                }
                Some(Reply::Con(status, json)) => (status, json),
                Some(Reply::Segun(f)) => (200, f(&cuerpo)),
            };
            // Answers come compressed, as from the real one.
            let gzip = crate::http::gzip_json(&json).unwrap();
            let cabeza = format!(
                "HTTP/1.1 {status} X\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                gzip.len()
            );
            conn.write_all(cabeza.as_bytes()).await.unwrap();
            conn.write_all(&gzip).await.unwrap();
        }
    }
}

async fn read(conn: &mut TcpStream) -> Option<RecordedRequest> {
    let mut cabeza = Vec::new();
    while !cabeza.ends_with(b"\r\n\r\n") {
        cabeza.push(conn.read_u8().await.ok()?);
    }
    let cabeza = String::from_utf8(cabeza).unwrap();
    let cabecera = |nombre: &str| {
        cabeza.lines().find_map(|l| {
            let (n, value) = l.split_once(": ")?;
            n.eq_ignore_ascii_case(nombre).then(|| value.to_owned())
        })
    };
    let largo = cabecera("content-length").map_or(0, |n| n.parse().unwrap());
    let mut crudo = vec![0; largo];
    conn.read_exact(&mut crudo).await.ok()?;
    let mut json = Vec::new();
    if largo > 0 && cabecera("content-type").as_deref() == Some("application/json") {
        assert_eq!(cabecera("content-encoding").as_deref(), Some("gzip"));
        flate2::read::GzDecoder::new(&crudo[..])
            .read_to_end(&mut json)
            .unwrap();
    }
    let linea = cabeza.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
    Some(RecordedRequest {
        linea: linea.to_owned(),
        token: cabecera("authorization").map(|t| t.replace("Bearer ", "")),
        crudo,
        cuerpo: serde_json::from_slice(&json).unwrap_or_default(),
    })
}

/// A phone, its file's folder and the server that it talks to.
pub(crate) struct Fixture {
    pub telefono: Phone,
    pub script: ScriptedServer,
    url: String,
    pub carpeta: tempfile::TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let subscriber = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", subscriber.local_addr().unwrap());
        let script = ScriptedServer::default();
        let suyo = script.clone();
        tokio::spawn(async move {
            while let Ok((conn, _)) = subscriber.accept().await {
                tokio::spawn(suyo.clone().serve(conn));
            }
        });
        let carpeta = tempfile::tempdir().unwrap();
        let mut telefono = open(&url, &carpeta, 1).await;
        telefono
            .resume_session(token_pair("a1", "r1"))
            .await
            .unwrap();
        Self {
            telefono,
            script,
            url,
            carpeta,
        }
    }

    /// The phone dies without a word and starts again from its file.
    pub(crate) async fn restart(&mut self) {
        self.telefono = open(&self.url, &self.carpeta, 2).await;
    }

    /// The phone is closed, and its file put where a new one finds it: nothing else is copied.
    pub(crate) async fn copy_phone(self) -> Phone {
        self.telefono.close().await;
        let otra = tempfile::tempdir().unwrap();
        let nombre = "telefono.db";
        std::fs::copy(self.carpeta.path().join(nombre), otra.path().join(nombre)).unwrap();
        open(&self.url, &otra, 3).await
    }

    /// A report that the server acknowledged as `id`, version 1.
    pub(crate) async fn acked_reporte(&mut self, id: i64) -> String {
        let uuid = self.telefono.create(sample_contenido()).await.unwrap();
        let batch = self.telefono.build_batch(1).await.unwrap();
        let r = batch_results(&json!([created(&uuid, id)]));
        self.telefono.apply(&batch, &r).await.unwrap();
        uuid
    }

    /// The next batch is answered with this for its one item.
    pub(crate) async fn respond(&mut self, resultado: &Value) {
        let batch = self.telefono.build_batch(10).await.unwrap();
        assert_eq!(batch.item_count(), 1);
        let r = batch_results(&json!([resultado]));
        self.telefono.apply(&batch, &r).await.unwrap();
    }
}

async fn open(url: &str, carpeta: &tempfile::TempDir, seed: u64) -> Phone {
    // SplitMix64: short, and good enough to tell uuids apart.
    let mut estado = seed;
    let azar = move || {
        estado = estado.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (estado ^ (estado >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z ^ (z >> 31)
    };
    let mut settings = PhoneOptions::new(url, "moto-1", || 1_772_373_600_000, azar);
    settings.espera_base = Duration::from_millis(2);
    Phone::open(&carpeta.path().join("telefono.db"), settings)
        .await
        .unwrap()
}

pub(crate) fn token_pair(access: &str, refresh: &str) -> Tokens {
    Tokens {
        access: access.into(),
        refresh: refresh.into(),
    }
}

pub(crate) fn sample_contenido() -> Contenido {
    Contenido {
        titulo: "Roca".into(),
        descripcion: Some("suelta".into()),
        area_id: 1,
        severidad_id: 3,
        ubicacion: None,
        multimedia: None,
    }
}

pub(crate) fn titulo(t: &str) -> Patch {
    Patch {
        titulo: Some(t.into()),
        ..Patch::default()
    }
}

/// A report as the server tells it.
pub(crate) fn reporte(id: i64, uuid: &str, version: i64, contenido: &Contenido) -> Value {
    let mut json = serde_json::to_value(contenido).unwrap();
    json["id"] = id.into();
    json["uuid_cliente"] = uuid.into();
    json["version"] = version.into();
    json["sync_status"] = "completo".into();
    json["sha256_contenido"] = contenido.sha256().into();
    json["hora_creado"] = "2026-03-01T14:00:00.000Z".into();
    json["fecha_reporte"] = "2026-03-01".into();
    json["multimedia"] = json!([]);
    json
}

pub(crate) fn created(uuid: &str, id: i64) -> Value {
    json!({"uuid_cliente": uuid, "resultado": "creado", "id": id, "version": 1,
        "sync_status": "completo", "multimedia": []})
}

pub(crate) fn problema(status: u16, codigo: &str) -> Value {
    json!({"type": "urn:x", "title": codigo, "status": status, "detail": "Algo pasó.",
        "codigo": codigo, "permanente": status < 500 && status != 401 && status != 429})
}

/// A 200 of `/sync/batch`.
pub(crate) fn batch_results(lista: &Value) -> ApiResponse {
    ApiResponse {
        status: 200,
        cuerpo:
            json!({"resultados": lista, "resumen": {}, "hora_servidor": "", "desfase_reloj_ms": 0})
                .to_string()
                .into_bytes(),
        ..ApiResponse::default()
    }
}

/// Answers a batch as if each item were new.
pub(crate) fn all_created(cuerpo: &Value) -> Value {
    let lista: Vec<Value> = cuerpo["reportes"]
        .as_array()
        .unwrap()
        .iter()
        .zip(1..)
        .map(|(r, id)| created(r["uuid_cliente"].as_str().unwrap(), id))
        .collect();
    json!({"resultados": lista})
}

/// The last page of a pull.
pub(crate) fn page(reportes: &Value, retirados: &Value, cursor: &str) -> Value {
    json!({"reportes": reportes, "retirados": retirados, "cursor": cursor, "hay_mas": false})
}
