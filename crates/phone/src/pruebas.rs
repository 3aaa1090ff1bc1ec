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

use crate::{Ajustes, Parche, Respuesta, Telefono, Tokens};

/// What the server does with one request.
pub(crate) enum Contesta {
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
pub(crate) struct Pedido {
    /// `POST /sync/batch`
    pub linea: String,
    pub token: Option<String>,
    /// As it travelled.
    pub crudo: Vec<u8>,
    /// Decompressed; null without a body.
    pub cuerpo: Value,
}

#[derive(Clone, Default)]
pub(crate) struct Guion {
    pedidos: Arc<Mutex<Vec<Pedido>>>,
    respuestas: Arc<Mutex<VecDeque<Contesta>>>,
}

impl Guion {
    /// The answers to the next requests, in order; one request more than that gets none.
    pub(crate) fn contesta(&self, respuestas: impl IntoIterator<Item = Contesta>) {
        self.respuestas.lock().unwrap().extend(respuestas);
    }

    /// The requests that came since this was last called.
    pub(crate) fn pedidos(&self) -> Vec<Pedido> {
        std::mem::take(&mut self.pedidos.lock().unwrap())
    }

    async fn sirve(self, mut conexion: TcpStream) {
        while let Some(pedido) = lee(&mut conexion).await {
            let cuerpo = pedido.cuerpo.clone();
            self.pedidos.lock().unwrap().push(pedido);
            let contesta = self.respuestas.lock().unwrap().pop_front();
            let (status, json) = match contesta {
                None | Some(Contesta::SePierde) => return,
                Some(Contesta::Crudo(cabeza, cuerpo)) => {
                    let n = cuerpo.len();
                    let texto = format!("HTTP/1.1 {cabeza}\r\ncontent-length: {n}\r\n\r\n{cuerpo}");
                    conexion.write_all(texto.as_bytes()).await.unwrap();
                    continue;
                }
                Some(Contesta::Con(status, json)) => (status, json),
                Some(Contesta::Segun(f)) => (200, f(&cuerpo)),
            };
            // Answers come compressed, as from the real one.
            let gzip = crate::http::comprime(&json).unwrap();
            let cabeza = format!(
                "HTTP/1.1 {status} X\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                gzip.len()
            );
            conexion.write_all(cabeza.as_bytes()).await.unwrap();
            conexion.write_all(&gzip).await.unwrap();
        }
    }
}

async fn lee(conexion: &mut TcpStream) -> Option<Pedido> {
    let mut cabeza = Vec::new();
    while !cabeza.ends_with(b"\r\n\r\n") {
        cabeza.push(conexion.read_u8().await.ok()?);
    }
    let cabeza = String::from_utf8(cabeza).unwrap();
    let cabecera = |nombre: &str| {
        cabeza.lines().find_map(|l| {
            let (n, valor) = l.split_once(": ")?;
            n.eq_ignore_ascii_case(nombre).then(|| valor.to_owned())
        })
    };
    let largo = cabecera("content-length").map_or(0, |n| n.parse().unwrap());
    let mut crudo = vec![0; largo];
    conexion.read_exact(&mut crudo).await.ok()?;
    let mut json = Vec::new();
    if largo > 0 && cabecera("content-type").as_deref() == Some("application/json") {
        assert_eq!(cabecera("content-encoding").as_deref(), Some("gzip"));
        flate2::read::GzDecoder::new(&crudo[..])
            .read_to_end(&mut json)
            .unwrap();
    }
    let linea = cabeza.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
    Some(Pedido {
        linea: linea.to_owned(),
        token: cabecera("authorization").map(|t| t.replace("Bearer ", "")),
        crudo,
        cuerpo: serde_json::from_slice(&json).unwrap_or_default(),
    })
}

/// A phone, its file's folder and the server that it talks to.
pub(crate) struct Escena {
    pub telefono: Telefono,
    pub guion: Guion,
    url: String,
    pub carpeta: tempfile::TempDir,
}

impl Escena {
    pub(crate) async fn nueva() -> Self {
        let oyente = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", oyente.local_addr().unwrap());
        let guion = Guion::default();
        let suyo = guion.clone();
        tokio::spawn(async move {
            while let Ok((conexion, _)) = oyente.accept().await {
                tokio::spawn(suyo.clone().sirve(conexion));
            }
        });
        let carpeta = tempfile::tempdir().unwrap();
        let mut telefono = abre(&url, &carpeta, 1).await;
        telefono.continuar(par("a1", "r1")).await.unwrap();
        Self {
            telefono,
            guion,
            url,
            carpeta,
        }
    }

    /// The phone dies without a word and starts again from its file.
    pub(crate) async fn reinicia(&mut self) {
        self.telefono = abre(&self.url, &self.carpeta, 2).await;
    }

    /// The phone is closed, and its file put where a new one finds it: nothing else is copied.
    pub(crate) async fn copia(self) -> Telefono {
        self.telefono.cerrar().await;
        let otra = tempfile::tempdir().unwrap();
        let nombre = "telefono.db";
        std::fs::copy(self.carpeta.path().join(nombre), otra.path().join(nombre)).unwrap();
        abre(&self.url, &otra, 3).await
    }

    /// A report that the server acknowledged as `id`, version 1.
    pub(crate) async fn entregado(&mut self, id: i64) -> String {
        let uuid = self.telefono.crear(roca()).await.unwrap();
        let lote = self.telefono.arma_lote(1).await.unwrap();
        let r = resultados(&json!([creado(&uuid, id)]));
        self.telefono.aplica(&lote, &r).await.unwrap();
        uuid
    }

    /// The next batch is answered with this for its one item.
    pub(crate) async fn responde(&mut self, resultado: &Value) {
        let lote = self.telefono.arma_lote(10).await.unwrap();
        assert_eq!(lote.largo(), 1);
        let r = resultados(&json!([resultado]));
        self.telefono.aplica(&lote, &r).await.unwrap();
    }
}

async fn abre(url: &str, carpeta: &tempfile::TempDir, semilla: u64) -> Telefono {
    // SplitMix64: short, and good enough to tell uuids apart.
    let mut estado = semilla;
    let azar = move || {
        estado = estado.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (estado ^ (estado >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z ^ (z >> 31)
    };
    let mut ajustes = Ajustes::nuevos(url, "moto-1", || 1_772_373_600_000, azar);
    ajustes.espera_base = Duration::from_millis(2);
    Telefono::abrir(&carpeta.path().join("telefono.db"), ajustes)
        .await
        .unwrap()
}

pub(crate) fn par(access: &str, refresh: &str) -> Tokens {
    Tokens {
        access: access.into(),
        refresh: refresh.into(),
    }
}

pub(crate) fn roca() -> Contenido {
    Contenido {
        titulo: "Roca".into(),
        descripcion: Some("suelta".into()),
        area_id: 1,
        severidad_id: 3,
        ubicacion: None,
        multimedia: None,
    }
}

pub(crate) fn titulo(t: &str) -> Parche {
    Parche {
        titulo: Some(t.into()),
        ..Parche::default()
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

pub(crate) fn creado(uuid: &str, id: i64) -> Value {
    json!({"uuid_cliente": uuid, "resultado": "creado", "id": id, "version": 1,
        "sync_status": "completo", "multimedia": []})
}

pub(crate) fn problema(status: u16, codigo: &str) -> Value {
    json!({"type": "urn:x", "title": codigo, "status": status, "detail": "Algo pasó.",
        "codigo": codigo, "permanente": status < 500 && status != 401 && status != 429})
}

/// A 200 of `/sync/batch`.
pub(crate) fn resultados(lista: &Value) -> Respuesta {
    Respuesta {
        status: 200,
        cuerpo:
            json!({"resultados": lista, "resumen": {}, "hora_servidor": "", "desfase_reloj_ms": 0})
                .to_string()
                .into_bytes(),
        ..Respuesta::default()
    }
}

/// Answers a batch as if each item were new.
pub(crate) fn todo_creado(cuerpo: &Value) -> Value {
    let lista: Vec<Value> = cuerpo["reportes"]
        .as_array()
        .unwrap()
        .iter()
        .zip(1..)
        .map(|(r, id)| creado(r["uuid_cliente"].as_str().unwrap(), id))
        .collect();
    json!({"resultados": lista})
}

/// The last page of a pull.
pub(crate) fn pagina(reportes: &Value, retirados: &Value, cursor: &str) -> Value {
    json!({"reportes": reportes, "retirados": retirados, "cursor": cursor, "hay_mas": false})
}
