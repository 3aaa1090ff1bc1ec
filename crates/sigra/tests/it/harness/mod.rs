//! A site for a test: a database of its own, a server on a free port, people with tokens, and the
//! questions that every test asks when it ends.

mod blob_store;
mod client;
mod database;
pub mod history;
pub mod memory;
pub mod node;
mod nodes;
pub mod openapi;
pub mod process;
mod rng;

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use sigra_api::{AUD_API, App, AppOptions, SigningKey, Tokens};
use sigra_delivery::{
    AllowList, DeliveryWorker,
    email::{Mailer, SmtpOptions, SmtpSecurity, TIMEOUT},
};
use sigra_domain::{Quien, Rol, Rut, Zona};
use sigra_files::{FileService, Limits};
use sigra_store::{
    Env, Store,
    identity::{CreateUsuario, OpenSession, Usuario},
};
use tokio::sync::oneshot;

pub use blob_store::TestFiles;
pub use client::{ApiResponse, TestRequest};
pub use database::{DbKind, DirectConn, TestDb};
pub use nodes::{NodeClients, Nodes};
pub use rng::Rng;
pub use sigra_testkit_macros::{both_databases, on_four_sites};

/// `n` in `make soak`, a tenth of it in `make test`.
pub fn iterations(n: usize) -> usize {
    if std::env::var_os("SIGRA_SOAK").is_some() {
        n
    } else {
        n.div_ceil(10)
    }
}

/// How a site under test differs from most.
#[derive(Clone, Copy, Debug)]
pub struct SiteOptions {
    /// To PostgreSQL: with few, a leaked one is noticed.
    pub conexiones: u32,
    /// Sync calls a minute and session; 0 for no limit.
    pub sync_por_minuto: i64,
    /// Files are kept in S3, not in a directory.
    pub en_s3: bool,
    /// And S3 is reached from everywhere.
    pub s3_publico: bool,
    pub limites: Limits,
    /// What leaves for others may go to this machine.
    pub hacia_aqui: bool,
    /// The port of a mail server here.
    pub smtp: Option<u16>,
}

impl SiteOptions {
    fn delivery_options(&self) -> sigra_delivery::DeliveryOptions {
        let redes: &[&str] = if self.hacia_aqui {
            &["127.0.0.0/8"]
        } else {
            &[]
        };
        let redes = AllowList::parse(redes).expect("redes");
        let correo = self.smtp.map(|puerto| SmtpOptions {
            servidor: format!("127.0.0.1:{puerto}"),
            seguridad: SmtpSecurity::Ninguna,
            usuario: None,
            clave: None,
            remitente: "SIGRA <sigra@mina.example>".into(),
            plazo: TIMEOUT,
        });
        sigra_delivery::DeliveryOptions {
            correo: correo.map(|o| Mailer::smtp(&o).expect("correo")),
            redes: redes.clone(),
            redes_push: redes,
            url_publica: Some("https://sigra.mina.example".into()),
            contacto: None,
        }
    }

    pub fn with_s3() -> Self {
        Self {
            en_s3: true,
            ..Self::default()
        }
    }
}

impl Default for SiteOptions {
    fn default() -> Self {
        Self {
            conexiones: 12,
            sync_por_minuto: 0,
            en_s3: false,
            s3_publico: false,
            limites: Limits::default(),
            hacia_aqui: false,
            smtp: None,
        }
    }
}

pub const SECRET: [u8; 32] = [7; 32];

/// A site under test.
pub struct TestSite {
    pub url: String,
    pub app: App,
    pub store: Store,
    pub bd: TestDb,
    pub tokens: Tokens,
    pub archivos: TestFiles,
    pub http: reqwest::Client,
    alto: Option<oneshot::Sender<()>>,
    servidor: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
    proximo_rut: AtomicI64,
    /// Set by tests that break the bitácora on purpose.
    pub bitacora_rota: std::sync::atomic::AtomicBool,
}

/// Somebody with a role and a valid token.
#[derive(Clone, Debug)]
pub struct Persona {
    pub rut: Rut,
    pub quien: Quien,
    pub token: String,
    pub sesion_id: i64,
}

/// Runs one test on a site as most are.
pub async fn run(motor: DbKind, prueba: impl AsyncFnOnce(&TestSite)) {
    run_with(motor, SiteOptions::default(), prueba).await;
}

/// Runs one test on a site of its own and asks, when it ends, whether all is in order.
pub async fn run_with(motor: DbKind, ajuste: SiteOptions, prueba: impl AsyncFnOnce(&TestSite)) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let sitio = TestSite::with(bd, ajuste).await;
    let resultado = AssertUnwindSafe(prueba(&sitio)).catch_unwind().await;
    let orden = match &resultado {
        Ok(()) => {
            AssertUnwindSafe(sitio.assert_consistent())
                .catch_unwind()
                .await
        }
        Err(_) => Ok(()),
    };
    sitio.finish().await;
    for r in [resultado, orden] {
        if let Err(panico) = r {
            std::panic::resume_unwind(panico);
        }
    }
}

impl TestSite {
    pub async fn new(bd: TestDb) -> Self {
        Self::with(bd, SiteOptions::default()).await
    }

    pub async fn with(bd: TestDb, ajuste: SiteOptions) -> Self {
        let store = Store::open(&bd.url, ajuste.conexiones, Env::default())
            .await
            .expect("abre la base");
        let claves = vec![SigningKey {
            kid: "prueba".into(),
            secreto: SECRET,
        }];
        let tokens = Tokens::new(&claves);
        let archivos = TestFiles::new(ajuste.en_s3, ajuste.s3_publico).await;
        let almacen = archivos.almacen.clone();
        let cartero = DeliveryWorker::open(store.clone(), ajuste.delivery_options())
            .await
            .expect("cartero");
        let app = App::new(
            store.clone(),
            FileService::new(store.clone(), almacen, ajuste.limites),
            cartero,
            AppOptions {
                zona: Zona::new("America/Santiago").expect("zona"),
                claves,
                proxies: vec!["127.0.0.1".parse().expect("ip")],
                cookie_segura: false,
                sync_por_minuto: ajuste.sync_por_minuto,
                silencio_horas: 72,
            },
        );
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("puerto");
        let url = format!("http://{}", listener.local_addr().expect("dirección"));
        let (alto, para) = oneshot::channel();
        let servidor = tokio::spawn(sigra_api::serve(listener, app.clone(), async {
            para.await.ok();
        }));
        Self {
            url,
            app,
            store,
            bd,
            tokens,
            archivos,
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("cliente"),
            alto: Some(alto),
            servidor: Some(servidor),
            proximo_rut: AtomicI64::new(10_000_000),
            bitacora_rota: false.into(),
        }
    }

    /// A new person. Their password is "clave de prueba", hashed only where a test signs in.
    pub async fn persona(&self, rol: Rol, areas: &[i64]) -> Persona {
        self.persona_with(rol, areas, "$argon2id$sin-clave", false)
            .await
    }

    pub async fn persona_with(&self, rol: Rol, areas: &[i64], hash: &str, debe: bool) -> Persona {
        let rut = Rut::new(self.proximo_rut.fetch_add(1, Ordering::Relaxed)).expect("rut");
        let usuario = Usuario {
            rut,
            nombre: "Rosa".into(),
            apellido_1: format!("Díaz {rut}"),
            apellido_2: None,
            rol,
            areas: areas.to_vec(),
            email: None,
            activo: true,
            debe_cambiar_password: debe,
            creado: sigra_domain::Instante::default(),
            hash_password: hash.into(),
        };
        self.store
            .write(CreateUsuario {
                usuario,
                actor: None,
            })
            .await
            .expect("usuario");
        self.session(Quien {
            rut,
            rol,
            areas: areas.to_vec(),
        })
        .await
    }

    /// Another session of a person.
    pub async fn session(&self, quien: Quien) -> Persona {
        let abrir = OpenSession {
            rut: quien.rut,
            device_id: None,
            agente: None,
            direccion: "127.0.0.1".into(),
            rehash: None,
        };
        let (sesion_id, _) = self.store.write(abrir).await.expect("sesión");
        let token = self
            .tokens
            .issue(self.store.env(), &quien, sesion_id, AUD_API)
            .expect("token");
        Persona {
            rut: quien.rut,
            quien,
            token,
            sesion_id,
        }
    }

    pub async fn trabajador(&self) -> Persona {
        self.persona(Rol::Trabajador, &[]).await
    }

    pub async fn supervisor(&self, areas: &[i64]) -> Persona {
        self.persona(Rol::Supervisor, areas).await
    }

    pub async fn administrador(&self) -> Persona {
        self.persona(Rol::Administrador, &[]).await
    }

    pub fn request(&self, metodo: &str, ruta: &str) -> TestRequest {
        TestRequest::new(&self.http, &self.url, metodo, ruta)
    }

    pub async fn create(&self, quien: &Persona, cuerpo: &Value) -> ApiResponse {
        self.request("POST", "/reportes/")
            .by(quien)
            .json(cuerpo)
            .send()
            .await
    }

    /// A batch as a phone of `quien` sends it, which must be taken; the answer.
    pub async fn push_batch(&self, quien: &Persona, reportes: &[Value]) -> Value {
        let r = self.send_batch(quien, reportes).await;
        assert_eq!(r.status, 200, "{r:?}");
        r.json
    }

    pub async fn send_batch(&self, quien: &Persona, reportes: &[Value]) -> ApiResponse {
        let ahora = self.store.env().now().to_string();
        let cuerpo = json!({"device_id": "moto-1", "timestamp": ahora, "reportes": reportes});
        let pedido = self.request("POST", "/sync/batch").by(quien);
        pedido.json(&cuerpo).send().await
    }

    /// The bytes of a file that this person may see.
    pub async fn download(&self, quien: &Persona, ruta: &str) -> bytes::Bytes {
        let pedido = self.http.get(format!("{}{ruta}", self.url));
        let r = pedido.bearer_auth(&quien.token).send().await.expect("baja");
        assert_eq!(r.status().as_u16(), 200, "{ruta}");
        r.bytes().await.expect("baja")
    }

    /// A part of it.
    pub async fn get_range(&self, quien: &Persona, ruta: &str, rango: &str) -> bytes::Bytes {
        let pedido = self.http.get(format!("{}{ruta}", self.url));
        let pedido = pedido.bearer_auth(&quien.token).header("range", rango);
        let r = pedido.send().await.expect("baja");
        assert_eq!(r.status().as_u16(), 206, "{ruta}");
        r.bytes().await.expect("baja")
    }

    /// A report that must be accepted; its JSON.
    pub async fn reporte(&self, autor: &Persona, area_id: i64) -> Value {
        let r = self.create(autor, &reporte_in(area_id)).await;
        assert_eq!(r.status, 201, "{r:?}");
        r.json
    }

    /// Asked at the end of every test: chains intact, every version in bitácora and feed,
    /// no transaction left open.
    pub async fn assert_consistent(&self) {
        if !self.bitacora_rota.load(Ordering::Relaxed) {
            let resumen = self.store.verify_bitacora(|_| ()).await.expect("verifica");
            assert_eq!(resumen.hallazgos, [], "la bitácora quedó rota");
            self.bd.assert_rows_complete().await;
            // What was noted counts, and counts the same when it is folded in.
            for _ in 0..2 {
                let r = self
                    .store
                    .recount(Arc::new(|_| ()))
                    .await
                    .expect("recuenta");
                assert_eq!(r.primeras, [], "el tablero no es lo que dicen los reportes");
                self.store.roll_up_counts().await.expect("pliega");
            }
        }
        self.bd.assert_no_open_transactions().await;
    }

    /// The same, of a site that is of no use after.
    pub async fn assert_consistent_and_finish(self) {
        self.assert_consistent().await;
        self.finish().await;
    }

    async fn finish(self) {
        self.close().await.delete().await;
    }

    /// Stops the server and leaves the database.
    pub async fn close(mut self) -> TestDb {
        if let Some(alto) = self.alto.take() {
            alto.send(()).ok();
        }
        drop(self.http);
        if let Some(servidor) = self.servidor.take() {
            servidor.abort();
            servidor.await.ok();
        }
        self.store.close().await;
        self.bd
    }
}

/// A valid new report in an area.
pub fn reporte_in(area_id: i64) -> Value {
    json!({
        "titulo": "Roca suelta en galería 4",
        "descripcion": "Planchón suelto sobre el paso de personal.",
        "area_id": area_id,
        "severidad_id": 3,
        "uuid_cliente": uuid(),
    })
}

/// A random v4 uuid.
pub fn uuid() -> String {
    uuid::Builder::from_random_bytes(Env::default().random())
        .into_uuid()
        .to_string()
}

/// Runs all at once and gives the answers in order.
pub async fn run_concurrently<F: Future + Send + 'static>(
    tareas: impl IntoIterator<Item = F>,
) -> Vec<F::Output>
where
    F::Output: Send + 'static,
{
    let tareas: Vec<_> = tareas.into_iter().map(tokio::spawn).collect();
    let mut salidas = Vec::new();
    for t in tareas {
        salidas.push(t.await.expect("tarea"));
    }
    salidas
}

/// A number below `n`.
pub fn random_below(n: usize) -> usize {
    let azar = u64::from_le_bytes(Env::default().random());
    usize::try_from(azar % n as u64).expect("cabe")
}
