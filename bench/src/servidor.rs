//! The server under test: what `sigra serve` runs, in a process whose memory is its own.
//!
//! Its parent gives it one line of JSON on standard input, reads its address from standard output,
//! and ends it by closing standard input; so it also ends when its parent dies.

use std::{
    io::{BufRead as _, Read as _, Write as _},
    net::TcpListener,
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use sigra_api::{AppOptions, SigningKey};
use sigra_domain::Zona;
use sigra_files::Limits;
use sigra_server::{
    BlobSettings, DatabaseSettings, DeliverySettings, EscalationSettings, FileSettings, Server,
    Services, Settings,
    workers::{FILES, all_workers},
};
use tokio::sync::oneshot;

use crate::error::Error;

/// PostgreSQL connections, as `sigra serve` has when nobody says otherwise.
pub const CONEXIONES: u32 = 20;
pub const ZONA: &str = "America/Santiago";

#[derive(Clone, Serialize, Deserialize)]
pub struct Encargo {
    pub url: String,
    pub secreto: [u8; 32],
    /// Where the bytes of files are kept.
    pub archivos: PathBuf,
    /// Whether it makes the small copies of photos and sweeps, as `sigra serve` does. Where files come
    /// and go this is measured on its own: it would take a core from what is measured there.
    pub vistas: bool,
}

pub fn clave(secreto: [u8; 32]) -> SigningKey {
    SigningKey {
        kid: "bench".into(),
        secreto,
    }
}

pub fn corre() -> Result<(), Error> {
    let mut linea = String::new();
    std::io::stdin().lock().read_line(&mut linea)?;
    let encargo: Encargo = serde_json::from_str(&linea)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(sirve(encargo))
}

async fn sirve(encargo: Encargo) -> Result<(), Error> {
    let services = Services::open(Settings {
        database: DatabaseSettings {
            url: encargo.url,
            connections: CONEXIONES,
        },
        files: FileSettings {
            blobs: BlobSettings::Dir(encargo.archivos),
            limits: Limits::default(),
        },
        delivery: DeliverySettings::default(),
        escalation: EscalationSettings::default(),
        app: AppOptions {
            zona: Zona::new(ZONA).ok_or(Error::Interno("zona"))?,
            claves: vec![clave(encargo.secreto)],
            proxies: vec![],
            cookie_segura: false,
            sync_por_minuto: 0,
            silencio_horas: 72,
        },
    })
    .await?;
    let mut trabajos = all_workers(&services);
    trabajos.retain(|t| encargo.vistas || t.name != FILES);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut salida = std::io::stdout();
    writeln!(salida, "{}", listener.local_addr()?)?;
    salida.flush()?;
    let (alto, para) = oneshot::channel();
    std::thread::spawn(move || {
        std::io::stdin().lock().read_to_end(&mut Vec::new()).ok();
        alto.send(()).ok();
    });
    let fin = Server::with_workers(services.clone(), trabajos).run(listener, async {
        para.await.ok();
    });
    fin.await?;
    services.store().close().await;
    Ok(())
}
