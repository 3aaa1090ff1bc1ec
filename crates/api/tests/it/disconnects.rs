//! A client that vanishes: at any byte of its request, at any moment of the answer, many at once.
//! Nothing may stay half done, and nothing may stay occupied.

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use sigra_testkit::{
    ApiResponse, DbKind, Persona, SiteOptions, TestSite, iterations, random_below, reporte_in,
    run_concurrently, run_with, uuid,
};

/// Connections open at once.
const CONCURRENCY: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_disappears_leaves_nothing_half_done_on_sqlite() {
    run_with(DbKind::Sqlite, with_connections(1), async |s| {
        disconnect_many(s).await;
    })
    .await;
}

/// With three connections in the pool, one that leaks is a third of the service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_disappears_leaves_nothing_half_done_on_postgres() {
    run_with(DbKind::Postgres, with_connections(3), async |s| {
        disconnect_many(s).await;
    })
    .await;
}

fn with_connections(conexiones: u32) -> SiteOptions {
    SiteOptions {
        conexiones,
        ..SiteOptions::default()
    }
}

async fn disconnect_many(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let jefe = sitio.supervisor(&[1]).await;
    let mut idos = Vec::new();
    while idos.len() < iterations(2_000) {
        let mut chunk = Vec::new();
        for _ in 0..CONCURRENCY {
            let ido = VanishedRequest::new(sitio, &autor, &jefe).await;
            if random_below(4) == 0 {
                // The phone sent it twice at once.
                chunk.push(ido.clone());
            }
            chunk.push(ido);
        }
        let direccion = sitio.url.trim_start_matches("http://").parse().unwrap();
        run_concurrently(
            chunk
                .clone()
                .into_iter()
                .map(|ido| ido.disconnect(direccion)),
        )
        .await;
        idos.extend(chunk);
    }
    the_others_are_still_served(sitio, &autor).await;
    let hechos = facts(sitio).await;
    let enteros: HashSet<_> = idos
        .iter()
        .filter(|i| i.is_complete())
        .map(|i| i.cual.clone())
        .collect();
    for ido in &idos {
        assert!(
            enteros.contains(&ido.cual) || !hechos.contains(&ido.cual),
            "medio pedido escribió: {ido:?}"
        );
    }
    let llegaron = enteros.iter().filter(|c| hechos.contains(*c)).count();
    println!(
        "{}: {} desaparecieron, {} habían dicho todo, {llegaron} de ellos quedaron escritos",
        sitio.store.db_kind(),
        idos.len(),
        enteros.len(),
    );
    assert!(
        llegaron > 0 && idos.iter().any(|i| !i.is_complete()),
        "la prueba no probó nada"
    );
    for chunk in idos.chunks(CONCURRENCY) {
        for ido in chunk {
            ido.repeat(sitio, hechos.contains(&ido.cual)).await;
        }
    }
    let al_final = self::facts(sitio).await;
    assert!(
        idos.iter()
            .all(|i| i.metodo == "GET" || al_final.contains(&i.cual))
    );
}

/// A request whose client vanishes.
#[derive(Clone, Debug)]
struct VanishedRequest {
    metodo: &'static str,
    ruta: String,
    token: String,
    clave: Option<String>,
    cuerpo: Option<Value>,
    /// The report it is about: its uuid when it is to be created, its id when it is to be changed.
    cual: String,
    /// How many bytes of it are sent; `None`: all.
    corte: Option<usize>,
    momento: DropMoment,
    /// Ends with a reset instead of a farewell.
    de_golpe: bool,
}

#[derive(Clone, Copy, Debug)]
enum DropMoment {
    Ya,
    Despues(Duration),
    /// After so many bytes of the answer.
    Leyendo(usize),
}

impl VanishedRequest {
    async fn new(sitio: &TestSite, autor: &Persona, jefe: &Persona) -> Self {
        let ajeno = async || sitio.reporte(autor, 1).await["id"].to_string();
        let (metodo, ruta, quien, cuerpo, cual) = match random_below(6) {
            0..=2 => {
                let cuerpo = reporte_in(1);
                let cual = cuerpo["uuid_cliente"].as_str().unwrap().to_owned();
                ("POST", "/reportes/".to_owned(), autor, Some(cuerpo), cual)
            }
            3 => {
                let id = ajeno().await;
                let cuerpo = json!({"titulo": format!("Corregido {id}"), "version": 1});
                ("PUT", format!("/reportes/{id}"), autor, Some(cuerpo), id)
            }
            4 => {
                let id = ajeno().await;
                let cuerpo = json!({"detalle": "Se cierra el paso.", "version": 1});
                (
                    "POST",
                    format!("/admin/reportes/{id}/aprobar"),
                    jefe,
                    Some(cuerpo),
                    id,
                )
            }
            _ => (
                "GET",
                "/reportes/?limite=200".to_owned(),
                jefe,
                None,
                "lista".to_owned(),
            ),
        };
        let clave = (cuerpo.is_some() && random_below(2) == 0).then(uuid);
        let mut ido = Self {
            metodo,
            ruta,
            token: quien.token.clone(),
            clave,
            cuerpo,
            cual,
            corte: None,
            momento: DropMoment::random(metodo),
            de_golpe: random_below(2) == 0,
        };
        // Most of them say all they had to say.
        if random_below(4) == 0 {
            ido.corte = Some(random_below(ido.to_bytes().len()));
        }
        ido
    }

    fn to_bytes(&self) -> Vec<u8> {
        let cuerpo = self
            .cuerpo
            .as_ref()
            .map(Value::to_string)
            .unwrap_or_default();
        let clave = self
            .clave
            .as_ref()
            .map(|c| format!("idempotency-key: {c}\r\n"));
        format!(
            "{} {} HTTP/1.1\r\nhost: sigra\r\nauthorization: Bearer {}\r\n{}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{cuerpo}",
            self.metodo,
            self.ruta,
            self.token,
            clave.unwrap_or_default(),
            cuerpo.len(),
        )
        .into_bytes()
    }

    fn is_complete(&self) -> bool {
        self.corte.is_none()
    }

    async fn disconnect(self, direccion: SocketAddr) {
        let mut conexion = TcpStream::connect(direccion).await.unwrap();
        if self.de_golpe {
            conexion.set_zero_linger().unwrap();
        }
        let bytes = self.to_bytes();
        let dice = &bytes[..self.corte.unwrap_or(bytes.len())];
        conexion.write_all(dice).await.unwrap();
        match self.momento {
            DropMoment::Ya => {}
            DropMoment::Despues(rato) => sleep(rato).await,
            DropMoment::Leyendo(bytes) => {
                let mut leido = vec![0; bytes];
                // Half a request has no answer, and a short answer has fewer bytes.
                let lee = timeout(Duration::from_millis(100), conexion.read_exact(&mut leido));
                lee.await.ok();
            }
        }
    }

    /// What a phone does that heard nothing: the same again.
    async fn repeat(&self, sitio: &TestSite, hecho: bool) -> ApiResponse {
        let mut pedido = sitio.request(self.metodo, &self.ruta).token(&self.token);
        if let Some(clave) = &self.clave {
            pedido = pedido.idempotency_key(clave);
        }
        if let Some(cuerpo) = &self.cuerpo {
            pedido = pedido.raw(cuerpo.to_string());
        }
        let r = pedido.send().await;
        let crea = self.ruta == "/reportes/";
        assert!(
            r.status == 200 || (crea && r.status == 201),
            "{self:?}: {r:?}"
        );
        if self.cuerpo.is_some() {
            assert_eq!(r.version(), if crea { 1 } else { 2 }, "{self:?}: {r:?}");
        }
        if hecho && self.clave.is_some() {
            assert_eq!(r.header("idempotency-replayed"), "true", "{self:?}: {r:?}");
        } else if hecho {
            assert_eq!(r.status, 200, "{self:?}: {r:?}");
        }
        r
    }
}

impl DropMoment {
    fn random(metodo: &str) -> Self {
        let micros = u64::try_from(random_below(30_000)).unwrap();
        match random_below(3) {
            0 => Self::Ya,
            1 => Self::Despues(Duration::from_micros(micros)),
            _ => Self::Leyendo(1 + random_below(if metodo == "GET" { 50_000 } else { 600 })),
        }
    }
}

/// The uuids of all reports, and the ids of those that were changed.
async fn facts(sitio: &TestSite) -> HashSet<String> {
    let bd = &sitio.bd;
    assert_eq!(
        bd.query_i64("SELECT count(*) FROM reportes WHERE version > 2")
            .await,
        0
    );
    let creados = bd.texts("SELECT uuid_cliente FROM reportes").await;
    let cambiados = bd
        .texts("SELECT CAST(id AS TEXT) FROM reportes WHERE version = 2")
        .await;
    creados.into_iter().chain(cambiados).collect()
}

/// More requests at once than there are connections, each answered soon.
async fn the_others_are_still_served(sitio: &TestSite, quien: &Persona) {
    let pedidos = (0..24).map(|i| {
        if i % 2 == 0 {
            sitio.request("GET", "/reportes/?limite=1").by(quien)
        } else {
            sitio
                .request("POST", "/reportes/")
                .by(quien)
                .json(&reporte_in(1))
        }
    });
    let pedidos: Vec<_> = pedidos.collect();
    let todos = run_concurrently(pedidos.into_iter().map(sigra_testkit::TestRequest::send));
    let respuestas = timeout(Duration::from_secs(10), todos)
        .await
        .expect("se atiende en segundos");
    for r in respuestas {
        assert!(matches!(r.status, 200 | 201), "{r:?}");
    }
}
