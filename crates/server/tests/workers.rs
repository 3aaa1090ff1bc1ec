//! Each worker of a real server panics once: it is told, counted, named by `/readyz` and started again.

#![cfg(test)]

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use serde_json::Value;
use sigra_api::{AppOptions, WorkerStatuses};
use sigra_files::Limits;
use sigra_server::{
    BlobSettings, DatabaseSettings, DeliverySettings, EscalationSettings, FileSettings, Server,
    Services, Settings,
    workers::{Worker, all_workers},
};
use sigra_store::Env;
use tokio::{sync::oneshot, time};

fn settings(dir: &Path) -> Settings {
    Settings {
        database: DatabaseSettings {
            url: format!("sqlite:{}", dir.join("sigra.db").display()),
            connections: 4,
        },
        files: FileSettings {
            blobs: BlobSettings::Dir(dir.join("archivos")),
            limits: Limits::default(),
        },
        delivery: DeliverySettings::default(),
        escalation: EscalationSettings::default(),
        app: AppOptions {
            zona: sigra_domain::Zona::new("America/Santiago").unwrap(),
            claves: vec![sigra_api::new_signing_key(&Env::default())],
            proxies: vec![],
            cookie_segura: false,
            sync_por_minuto: 0,
            silencio_horas: 72,
        },
    }
}

/// The same worker, whose first start is a panic.
fn panicking_once(worker: Worker) -> Worker {
    let first = AtomicBool::new(true);
    Worker::new(worker.name, move || {
        let broken = first.swap(false, Ordering::Relaxed);
        let run = worker.run();
        async move {
            assert!(!broken, "a propósito");
            run.await;
        }
    })
}

/// Stops the clock until it is dropped: a paused clock of tokio runs ahead while nobody has work, but
/// not while a blocking task is under way.
struct StoppedClock {
    _release: mpsc::Sender<()>,
}

impl StoppedClock {
    fn new() -> Self {
        time::pause();
        let (release, released) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || released.recv().ok());
        Self { _release: release }
    }
}

/// What was logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines_with(&self, text: &str) -> usize {
        let all = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        all.lines().filter(|line| line.contains(text)).count()
    }
}

async fn readyz(address: SocketAddr) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(format!("http://{address}/readyz")).send();
    let answer = answer.await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Runs a server whose worker `broken` panics when it starts, and the others don't.
async fn panic_once(services: &Services, broken: usize, log: &Log) {
    let mut workers = all_workers(services);
    let name = workers[broken].name;
    let failing = panicking_once(workers.remove(broken));
    workers.push(failing);
    let failures = services.worker_health().failures(name);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::with_workers(services.clone(), workers);
    let server = tokio::spawn(server.run(listener, async move { drop(stopped.await) }));

    let mut status = services.worker_health().subscribe();
    let fell = |all: &WorkerStatuses| all.get(name).is_some_and(|s| s.failures == failures + 1);
    status.wait_for(fell).await.unwrap();
    assert_eq!(services.worker_health().down(), [name]);
    assert_eq!(log.lines_with(&format!("trabajo=\"{name}\"")), 1, "{name}");
    let (code, problem) = readyz(address).await;
    assert_eq!((code, &problem["codigo"]), (503, &"no_disponible".into()));
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.ends_with(&format!("Trabajos detenidos: {name}.")),
        "{detail}"
    );

    // More than the first delay, since timers are rounded up.
    time::advance(Duration::from_secs(2)).await;
    status
        .wait_for(|all: &WorkerStatuses| all[name].is_up)
        .await
        .unwrap();
    assert_eq!(
        readyz(address).await,
        (200, serde_json::json!({"estado": "ok"}))
    );
    assert_eq!(services.worker_health().failures(name), failures + 1);

    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn each_worker_that_panics_is_told_counted_named_and_restarted() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let services = Services::open(settings(dir.path())).await.unwrap();
    let _clock = StoppedClock::new();
    for broken in 0..all_workers(&services).len() {
        panic_once(&services, broken, &log).await;
    }
    assert_eq!(log.lines_with("pánico: a propósito"), 5);
    time::resume();
    services.close().await;
}
