//! A site for a test: a database of its own, a server on a free port, people with tokens, and the
//! questions that every test asks when it ends.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use serde_json::{Value, json};
use sigra_api::{App, AppOptions, Tokens};
use sigra_delivery::{
    AllowList,
    email::{SmtpOptions, SmtpSecurity, TIMEOUT},
};
use sigra_domain::Zona;
use sigra_files::Limits;
use sigra_server::{
    DatabaseSettings, DeliverySettings, EmailSettings, EscalationSettings, FileSettings, Services,
    Settings,
};
use sigra_store::Store;
use tokio::sync::oneshot;

use super::{ApiResponse, Persona, TestDb, TestFiles, TestRequest, client, rng, uuid};
use crate::process;

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
    /// The proxies that it trusts. With none, its cookies are for HTTPS only.
    pub proxies: &'static [&'static str],
}

impl SiteOptions {
    fn delivery_settings(&self) -> DeliverySettings {
        let redes: &[&str] = if self.hacia_aqui {
            &["127.0.0.0/8"]
        } else {
            &[]
        };
        let redes = AllowList::parse(redes).expect("redes");
        let smtp = |puerto| SmtpOptions {
            servidor: format!("127.0.0.1:{puerto}"),
            seguridad: SmtpSecurity::Ninguna,
            usuario: None,
            clave: None,
            remitente: "SIGRA <sigra@mina.example>".into(),
            plazo: TIMEOUT,
        };
        DeliverySettings {
            email: self.smtp.map(|puerto| EmailSettings::Smtp(smtp(puerto))),
            webhook_networks: redes.clone(),
            push_networks: redes,
            public_url: Some("https://sigra.mina.example".into()),
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
            proxies: &["127.0.0.1"],
        }
    }
}

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
    pub(super) proximo_rut: AtomicI64,
    /// Set by tests that break the bitácora on purpose.
    pub bitacora_rota: std::sync::atomic::AtomicBool,
}

impl TestSite {
    pub async fn new(bd: TestDb) -> Self {
        Self::with(bd, SiteOptions::default()).await
    }

    pub async fn with(bd: TestDb, ajuste: SiteOptions) -> Self {
        let tokens = process::tokens();
        let archivos = TestFiles::new(ajuste.en_s3, ajuste.s3_publico).await;
        let proxies = ajuste.proxies.iter().map(|ip| ip.parse().expect("ip"));
        let settings = Settings {
            database: DatabaseSettings {
                url: bd.url.clone(),
                connections: ajuste.conexiones,
            },
            files: FileSettings {
                blobs: archivos.settings.clone(),
                limits: ajuste.limites,
            },
            delivery: ajuste.delivery_settings(),
            escalation: EscalationSettings::default(),
            app: AppOptions {
                zona: Zona::new("America/Santiago").expect("zona"),
                claves: vec![process::signing_key()],
                proxies: proxies.collect(),
                cookie_segura: ajuste.proxies.is_empty(),
                sync_por_minuto: ajuste.sync_por_minuto,
                silencio_horas: 72,
            },
        };
        let services = Services::open_with(settings, rng::seeded_env())
            .await
            .expect("abre el sitio");
        let (app, store) = (services.app().clone(), services.store().clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("puerto");
        let url = format!("http://{}", listener.local_addr().expect("dirección"));
        let (alto, para) = oneshot::channel();
        // The workers' steps are done by the tests, when they want them.
        let servidor = tokio::spawn(async move {
            let alto = async { drop(para.await) };
            services.serve(listener, alto).await
        });
        Self {
            url,
            app,
            store,
            bd,
            tokens,
            archivos,
            http: client::http(),
            alto: Some(alto),
            servidor: Some(servidor),
            proximo_rut: AtomicI64::new(10_000_000),
            bitacora_rota: false.into(),
        }
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
        client::download(&self.http, &self.url, &quien.token, ruta).await
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

    pub(super) async fn finish(self) {
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
