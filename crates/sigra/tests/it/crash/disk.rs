//! The disk fills up under SQLite: writes are refused with a clear word, reads go on, and so do the
//! writes once there is space again, with no restart.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{
    Workload,
    ledger::{StopReason, check, new_ledgers, refresh_tokens, retry_unanswered},
    site::{ServerClient, ServerFixture},
};
use sigra_testkit::{DbKind, Persona, TestDb, iterations, step_aside};

/// What is left free, in KiB: nothing, less than one write, a few writes, many.
const FREE_KIB: [u64; 5] = [0, 16, 200, 1_000, 64];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_full_disk_it_refuses_and_then_goes_on() {
    let Some(disco) = TestDisk::new().await else {
        step_aside("aquí no se puede montar un disco: no se probó el disco lleno");
        return;
    };
    let bd = TestDb::new(DbKind::Sqlite).await.unwrap();
    let mut planta = ServerFixture::new(bd).await;
    let copia = planta.bd.dir().unwrap().join("sigra.db");
    fs::copy(&copia, disco.afuera.join("sigra.db")).unwrap();
    let base = format!("sqlite:{}", disco.punto.path().join("sigra.db").display());
    let mut sede = planta.start_behind(&disco.entrada, &base).await;
    let mut libros = new_ledgers(&planta);
    let (mut lecturas, mut perdidos) = (0, 0);
    let vueltas = iterations(20).max(FREE_KIB.len());
    for vuelta in 0..vueltas {
        planta.refresh_tokens();
        refresh_tokens(&mut libros, &planta);
        let lector = Reader::begin(&sede, &planta.jefe);
        let mut faena = Workload::begin(libros, &sede);
        faena.advance(20).await;
        disco.fill(FREE_KIB[vuelta % FREE_KIB.len()] * 1024);
        let (mut todos, altos) = faena.terminate().await;
        for r in altos.into_iter().map(StopReason::into_refusal) {
            assert_eq!((r.status, r.code()), (507, "sin_espacio"), "{r:?}");
            assert_eq!(r.json["permanente"], false, "{r:?}");
        }
        lecturas += lector.terminate().await;
        disco.copy(&copia);
        assert_eq!(check(&todos, &planta.bd).await, (0, 0));
        planta.assert_consistent().await;

        perdidos += planta.times_logged("grupo de escrituras perdido");
        match vuelta % 3 {
            1 => planta.kill().await,
            2 => assert!(planta.terminate().await.0.success()),
            // Most of all it goes on without a restart.
            _ => {}
        }
        if planta.proceso.is_none() {
            sede = planta.start_behind(&disco.entrada, &base).await;
            lecturas += Reader::begin(&sede, &planta.jefe).terminate().await;
            refresh_tokens(&mut todos, &planta);
        }
        disco.free_space();
        retry_unanswered(&mut todos, &sede).await;
        disco.copy(&copia);
        assert_eq!(check(&todos, &planta.bd).await, (0, 0));
        libros = todos;
    }
    planta.assert_consistent().await;
    println!(
        "disco lleno: {vueltas} veces, {perdidos} grupos perdidos, {lecturas} lecturas, {} reportes",
        planta.bd.query_i64("SELECT count(*) FROM reportes").await
    );
    assert!(perdidos > 0, "ningún grupo se perdió");
    planta.finish().await;
}

/// A small disk that only the server sees, and that goes with it: mounted in a namespace of its own.
pub struct TestDisk {
    pub punto: TempDir,
    /// The same place as this process reaches it. SQLite would not: it resolves the link.
    afuera: PathBuf,
    /// The way in, for a command.
    pub entrada: Vec<String>,
    _dueno: Child,
}

impl TestDisk {
    /// `None` where the system does not let one be mounted.
    pub async fn new() -> Option<Self> {
        // As root, and as anybody where users may have namespaces.
        for (abre, entra) in [
            ("-m", &["-m"][..]),
            ("-Urm", &["-U", "-m", "--preserve-credentials"]),
        ] {
            let punto = tempfile::tempdir().unwrap();
            // Room for all that the rounds write, and for SQLite's log.
            let monta = r#"mount -t tmpfs -o size=128m sigra "$0" && echo listo && exec cat"#;
            let mut dueno = Command::new("unshare")
                .args([abre, "sh", "-c", monta])
                .arg(punto.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .ok()?;
            let mut dice = BufReader::new(dueno.stdout.take()?).lines();
            let listo = timeout(Duration::from_secs(10), dice.next_line()).await;
            if !matches!(listo, Ok(Ok(Some(_)))) {
                continue;
            }
            let pid = dueno.id()?.to_string();
            let raiz = Path::new("/proc").join(&pid).join("root");
            let afuera = raiz.join(punto.path().strip_prefix("/").ok()?);
            let entrada = [&["nsenter", "-t", &pid], entra].concat();
            let entrada = entrada.into_iter().map(str::to_owned).collect();
            return Some(Self {
                punto,
                afuera,
                entrada,
                _dueno: dueno,
            });
        }
        None
    }

    /// Takes all the space but so many bytes.
    pub fn fill(&self, libres: u64) {
        let mut f = File::create(self.afuera.join("relleno")).unwrap();
        let bloque = vec![1; 64 * 1024];
        while f.write_all(&bloque).is_ok() {}
        let largo = f.metadata().unwrap().len();
        f.set_len(largo.saturating_sub(libres)).unwrap();
    }

    pub fn free_space(&self) {
        fs::remove_file(self.afuera.join("relleno")).unwrap();
    }

    /// The database as it lies there while nobody writes.
    fn copy(&self, a: &Path) {
        for (de, a) in [
            ("sigra.db", a),
            ("sigra.db-wal", &a.with_extension("db-wal")),
        ] {
            fs::copy(self.afuera.join(de), a).unwrap();
        }
        fs::remove_file(a.with_extension("db-shm")).ok();
    }
}

/// Somebody who only reads, and never hears of the disk.
struct Reader {
    basta: Arc<AtomicBool>,
    tarea: tokio::task::JoinHandle<usize>,
}

impl Reader {
    fn begin(sede: &ServerClient, quien: &Persona) -> Self {
        let (sede, quien, basta) = (
            sede.clone(),
            quien.clone(),
            Arc::new(AtomicBool::new(false)),
        );
        let fin = Arc::clone(&basta);
        let tarea = tokio::spawn(async move {
            let mut lecturas = 0;
            // Once more after the end: by then the disk is full.
            let mut ultima = false;
            while !ultima {
                ultima = fin.load(Ordering::Relaxed);
                for ruta in ["/reportes/?limite=20", "/catalogos", "/readyz", "/auth/me"] {
                    let r = sede.request("GET", ruta).by(&quien).send().await;
                    assert_eq!(r.status, 200, "{r:?}");
                    lecturas += 1;
                }
            }
            lecturas
        });
        Self { basta, tarea }
    }

    async fn terminate(self) -> usize {
        self.basta.store(true, Ordering::Relaxed);
        self.tarea.await.unwrap()
    }
}
