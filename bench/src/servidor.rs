//! The server under test: what `sigra serve` runs, in a process whose memory is its own.
//!
//! Its parent gives it one line of JSON on standard input, reads its address from standard output,
//! and ends it by closing standard input; so it also ends when its parent dies.

use std::{
    io::{BufRead as _, Read as _, Write as _},
    net::TcpListener,
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sigra_api::{App, AppOptions, SigningKey};
use sigra_delivery::DeliveryWorker;
use sigra_domain::Zona;
use sigra_files::blobs::BlobStore;
use sigra_files::{FileService, Limits};
use sigra_store::{Env, Store, notifications::Channels};
use tokio::{sync::oneshot, time::MissedTickBehavior};

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
    let store = Store::open(&encargo.url, CONEXIONES, Env::default()).await?;
    let opciones = AppOptions {
        zona: Zona::new(ZONA).ok_or(Error::Interno("zona"))?,
        claves: vec![clave(encargo.secreto)],
        proxies: vec![],
        cookie_segura: false,
        sync_por_minuto: 0,
        silencio_horas: 72,
    };
    let almacen = BlobStore::open_dir(encargo.archivos)?;
    let evidencia = FileService::new(store.clone(), almacen, Limits::default());
    let cartero =
        DeliveryWorker::open(store.clone(), sigra_delivery::DeliveryOptions::default()).await?;
    let salidas = cartero.channels();
    let app = App::new(store.clone(), evidencia.clone(), cartero, opciones);
    if encargo.vistas {
        tokio::spawn(evidencia.run());
    }
    tokio::spawn(mantiene(store.clone(), salidas));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut salida = std::io::stdout();
    writeln!(salida, "{}", listener.local_addr()?)?;
    salida.flush()?;
    let (alto, para) = oneshot::channel();
    std::thread::spawn(move || {
        std::io::stdin().lock().read_to_end(&mut Vec::new()).ok();
        alto.send(()).ok();
    });
    let fin = sigra_api::serve(listener, app, async {
        para.await.ok();
    });
    fin.await?;
    store.close().await;
    Ok(())
}

/// As `sigra serve` does, so that its cost is in the figures: the feed's order, who is told of what, the
/// dashboard's counts.
async fn mantiene(store: Store, salidas: Channels) {
    let mut reloj = tokio::time::interval(Duration::from_secs(1));
    reloj.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        reloj.tick().await;
        // The database is closed when the measurement ends.
        store.fan_out_avisos(salidas).await.ok();
        store.roll_up_counts().await.ok();
    }
}
