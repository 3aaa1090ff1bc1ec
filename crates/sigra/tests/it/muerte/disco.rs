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
    Faena,
    libro::{Alto, comprueba, libros, renueva, repite},
    planta::{Planta, Sede},
};
use crate::arnes::{Bd, Motor, Persona, cuenta};

/// What is left free, in KiB: nothing, less than one write, a few writes, many.
const LIBRES: [u64; 5] = [0, 16, 200, 1_000, 64];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_el_disco_lleno_se_niega_y_despues_sigue() {
    let Some(disco) = Disco::nuevo().await else {
        eprintln!("aquí no se puede montar un disco: no se probó el disco lleno");
        return;
    };
    let bd = Bd::nueva(Motor::Sqlite).await.unwrap();
    let mut planta = Planta::nueva(bd).await;
    let copia = planta.bd.dir().unwrap().join("sigra.db");
    fs::copy(&copia, disco.afuera.join("sigra.db")).unwrap();
    let base = format!("sqlite:{}", disco.punto.path().join("sigra.db").display());
    let mut sede = planta.arranca_tras(&disco.entrada, &base).await;
    let mut libros = libros(&planta);
    let (mut lecturas, mut perdidos) = (0, 0);
    let vueltas = cuenta(20).max(LIBRES.len());
    for vuelta in 0..vueltas {
        planta.renueva();
        renueva(&mut libros, &planta);
        let lector = Lector::empieza(&sede, &planta.jefe);
        let mut faena = Faena::empieza(libros, &sede);
        faena.avanza(20).await;
        disco.llena(LIBRES[vuelta % LIBRES.len()] * 1024);
        let (mut todos, altos) = faena.termina().await;
        for r in altos.into_iter().map(Alto::negado) {
            assert_eq!((r.status, r.codigo()), (507, "sin_espacio"), "{r:?}");
            assert_eq!(r.json["permanente"], false, "{r:?}");
        }
        lecturas += lector.termina().await;
        disco.copia(&copia);
        assert_eq!(comprueba(&todos, &planta.bd).await, (0, 0));
        planta.en_orden().await;

        perdidos += planta.dicho("grupo de escrituras perdido");
        match vuelta % 3 {
            1 => planta.mata().await,
            2 => assert!(planta.termina().await.0.success()),
            // Most of all it goes on without a restart.
            _ => {}
        }
        if planta.proceso.is_none() {
            sede = planta.arranca_tras(&disco.entrada, &base).await;
            lecturas += Lector::empieza(&sede, &planta.jefe).termina().await;
            renueva(&mut todos, &planta);
        }
        disco.vacia();
        repite(&mut todos, &sede).await;
        disco.copia(&copia);
        assert_eq!(comprueba(&todos, &planta.bd).await, (0, 0));
        libros = todos;
    }
    planta.en_orden().await;
    println!(
        "disco lleno: {vueltas} veces, {perdidos} grupos perdidos, {lecturas} lecturas, {} reportes",
        planta.bd.entero("SELECT count(*) FROM reportes").await
    );
    assert!(perdidos > 0, "ningún grupo se perdió");
    planta.fin().await;
}

/// A small disk that only the server sees, and that goes with it: mounted in a namespace of its own.
pub struct Disco {
    pub punto: TempDir,
    /// The same place as this process reaches it. SQLite would not: it resolves the link.
    afuera: PathBuf,
    /// The way in, for a command.
    pub entrada: Vec<String>,
    _dueno: Child,
}

impl Disco {
    /// `None` where the system does not let one be mounted.
    pub async fn nuevo() -> Option<Self> {
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
    pub fn llena(&self, libres: u64) {
        let mut f = File::create(self.afuera.join("relleno")).unwrap();
        let bloque = vec![1; 64 * 1024];
        while f.write_all(&bloque).is_ok() {}
        let largo = f.metadata().unwrap().len();
        f.set_len(largo.saturating_sub(libres)).unwrap();
    }

    pub fn vacia(&self) {
        fs::remove_file(self.afuera.join("relleno")).unwrap();
    }

    /// The database as it lies there while nobody writes.
    fn copia(&self, a: &Path) {
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
struct Lector {
    basta: Arc<AtomicBool>,
    tarea: tokio::task::JoinHandle<usize>,
}

impl Lector {
    fn empieza(sede: &Sede, quien: &Persona) -> Self {
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
                    let r = sede.pide("GET", ruta).como(&quien).envia().await;
                    assert_eq!(r.status, 200, "{r:?}");
                    lecturas += 1;
                }
            }
            lecturas
        });
        Self { basta, tarea }
    }

    async fn termina(self) -> usize {
        self.basta.store(true, Ordering::Relaxed);
        self.tarea.await.unwrap()
    }
}
