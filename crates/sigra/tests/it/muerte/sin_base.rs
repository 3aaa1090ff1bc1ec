//! PostgreSQL stops and comes back: whoever asks meanwhile is told to come back later, and SIGRA goes
//! on by itself.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Faena, PLAZO,
    libro::{comprueba, libros, renueva, repite},
    planta::{Planta, Sede},
};
use crate::arnes::{Bd, Persona, Respuesta, a_la_vez, cuenta, dado, reporte_en};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sin_postgres_se_pide_volver_y_despues_sigue() {
    let Some(cluster) = Cluster::nuevo() else {
        eprintln!("aquí no hay programas de PostgreSQL: no se probó su caída");
        return;
    };
    let bd = Bd::en_postgres(cluster.url()).await;
    let mut planta = Planta::nueva(bd).await;
    let sede = planta.arranca().await;
    let mut libros = libros(&planta);
    let mut peor = Duration::ZERO;
    let vueltas = cuenta(12);
    for vuelta in 0..vueltas {
        planta.renueva();
        renueva(&mut libros, &planta);
        let mut faena = Faena::empieza(libros, &sede);
        faena.avanza(10 + dado(50)).await;
        // In order, or as if it had crashed.
        cluster.detiene(if vuelta % 2 == 0 { "fast" } else { "immediate" });
        let ((mut todos, altos), demora) = tokio::join!(
            faena.termina(),
            mientras_tanto(&sede, &planta.autores[0], &planta.jefe)
        );
        peor = peor.max(demora);
        for alto in altos {
            pide_volver(&alto.negado());
        }

        cluster.arranca().unwrap();
        let vuelve = async {
            while sede.pide("GET", "/readyz").envia().await.status != 200 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PLAZO, vuelve).await.expect("vuelve por sí solo");
        comprueba(&todos, &planta.bd).await;
        repite(&mut todos, &sede).await;
        assert_eq!(comprueba(&todos, &planta.bd).await, (0, 0));
        planta.en_orden().await;
        libros = todos;
    }
    println!("caída de PostgreSQL: {vueltas} veces, la peor respuesta sin base {peor:?}");
    planta.fin().await;
}

/// Every kind of request while there is no database; the longest that one took.
async fn mientras_tanto(sede: &Sede, autor: &Persona, jefe: &Persona) -> Duration {
    let vive = sede.pide("GET", "/healthz").envia().await;
    assert_eq!(vive.status, 200, "{vive:?}");
    let entrar = json!({"rut": autor.rut.cuerpo(), "password": "no es esta"});
    let pedidos = vec![
        sede.pide("GET", "/readyz"),
        sede.pide("GET", "/catalogos"),
        sede.pide("GET", "/reportes/").como(jefe),
        sede.pide("GET", "/reportes/1").como(jefe),
        sede.pide("POST", "/reportes/")
            .como(autor)
            .json(&reporte_en(1))
            .clave("una"),
        sede.pide("PUT", "/reportes/1")
            .como(autor)
            .json(&json!({"titulo": "Otro", "version": 1})),
        sede.pide("POST", "/admin/reportes/1/aprobar")
            .como(jefe)
            .json(&json!({})),
        sede.pide("POST", "/auth/login").json(&entrar),
    ];
    let tareas = pedidos.into_iter().map(|pedido| async {
        let inicio = Instant::now();
        (pedido.envia().await, inicio.elapsed())
    });
    let mut peor = Duration::ZERO;
    for (r, demora) in a_la_vez(tareas).await {
        pide_volver(&r);
        // A connection is waited for five seconds; the rest is for a machine with much to do.
        assert!(demora < Duration::from_secs(9), "{demora:?}: {r:?}");
        peor = peor.max(demora);
    }
    peor
}

fn pide_volver(r: &Respuesta) {
    assert_eq!((r.status, r.codigo()), (503, "no_disponible"), "{r:?}");
    assert_eq!(r.json["permanente"], false, "{r:?}");
    let segundos: i64 = r.header("retry-after").parse().unwrap();
    assert!(
        (1..=60).contains(&segundos) && r.json["reintentar_en"] == segundos,
        "{r:?}"
    );
}

/// A PostgreSQL of this test's own.
struct Cluster {
    dir: TempDir,
    bin: String,
    /// Who runs it, when it can't be whoever runs the test.
    usuario: Option<String>,
    puerto: usize,
}

impl Cluster {
    fn nuevo() -> Option<Self> {
        let bin = std::env::var("SIGRA_TEST_PG_BINDIR").ok()?;
        let usuario = std::env::var("SIGRA_TEST_PG_USER").ok();
        let dir = tempfile::tempdir().unwrap();
        if let Some(usuario) = &usuario {
            let chown = Command::new("chown").arg(usuario).arg(dir.path()).status();
            assert!(chown.unwrap().success());
        }
        let mut cluster = Self {
            dir,
            bin,
            usuario,
            puerto: 0,
        };
        let datos = cluster.datos();
        let initdb = [
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ];
        cluster
            .corre("initdb", &[&["-D", &datos], &initdb[..]].concat())
            .unwrap();
        // Nobody can reserve a port beforehand, so try until one is free.
        for _ in 0..10 {
            cluster.puerto = 10_000 + dado(22_000);
            if cluster.arranca().is_ok() {
                return Some(cluster);
            }
        }
        panic!("PostgreSQL no arrancó");
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.puerto)
    }

    fn datos(&self) -> String {
        self.dir.path().join("datos").display().to_string()
    }

    fn arranca(&self) -> Result<(), String> {
        // Its processes die here, never the machine: what they wrote needs no fsync to stay.
        let opciones = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off",
            self.puerto
        );
        let registro = self.dir.path().join("postgres.log").display().to_string();
        let (datos, w) = (self.datos(), ["-w", "start"]);
        self.corre(
            "pg_ctl",
            &[&["-D", &datos, "-l", &registro, "-o", &opciones], &w[..]].concat(),
        )
    }

    fn detiene(&self, modo: &str) {
        self.corre("pg_ctl", &["-D", &self.datos(), "-m", modo, "-w", "stop"])
            .unwrap();
    }

    fn corre(&self, programa: &str, args: &[&str]) -> Result<(), String> {
        let programa = Path::new(&self.bin).join(programa);
        let mut orden = match &self.usuario {
            Some(usuario) => {
                let mut runuser = Command::new("runuser");
                runuser.args(["-u", usuario, "--"]).arg(programa);
                runuser
            }
            None => Command::new(programa),
        };
        // The server inherits its output: a pipe would be held open by it.
        let salida = orden
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        let estado = salida.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if estado.unwrap().success() {
            Ok(())
        } else {
            Err(format!("{args:?}"))
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let detiene = ["-D", &self.datos(), "-m", "immediate", "-w", "stop"];
        self.corre("pg_ctl", &detiene).ok();
    }
}
