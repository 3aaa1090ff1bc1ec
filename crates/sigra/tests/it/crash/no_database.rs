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
    TIMEOUT, Workload,
    ledger::{check, new_ledgers, refresh_tokens, retry_unanswered},
    site::{ServerClient, ServerFixture},
};
use sigra_testkit::{
    ApiResponse, Persona, TestDb, iterations, random_below, reporte_in, run_concurrently,
    step_aside,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgres_clients_are_asked_to_retry_and_then_it_goes_on() {
    let Some(cluster) = Cluster::new() else {
        step_aside("aquí no hay programas de PostgreSQL: no se probó su caída");
        return;
    };
    let bd = TestDb::on_postgres(cluster.url()).await;
    let mut planta = ServerFixture::new(bd).await;
    let sede = planta.start().await;
    let mut libros = new_ledgers(&planta);
    let mut peor = Duration::ZERO;
    let vueltas = iterations(12);
    for vuelta in 0..vueltas {
        planta.refresh_tokens();
        refresh_tokens(&mut libros, &planta);
        let mut faena = Workload::begin(libros, &sede);
        faena.advance(10 + random_below(50)).await;
        // In order, or as if it had crashed.
        cluster.stop(if vuelta % 2 == 0 { "fast" } else { "immediate" });
        let ((mut todos, altos), demora) = tokio::join!(
            faena.terminate(),
            requests_without_db(&sede, &planta.autores[0], &planta.jefe)
        );
        peor = peor.max(demora);
        for alto in altos {
            assert_retry_later(&alto.into_refusal());
        }

        cluster.start().unwrap();
        let vuelve = async {
            while sede.request("GET", "/readyz").send().await.status != 200 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(TIMEOUT, vuelve).await.expect("vuelve por sí solo");
        check(&todos, &planta.bd).await;
        retry_unanswered(&mut todos, &sede).await;
        assert_eq!(check(&todos, &planta.bd).await, (0, 0));
        planta.assert_consistent().await;
        libros = todos;
    }
    println!("caída de PostgreSQL: {vueltas} veces, la peor respuesta sin base {peor:?}");
    planta.finish().await;
}

/// Every kind of request while there is no database; the longest that one took.
async fn requests_without_db(sede: &ServerClient, autor: &Persona, jefe: &Persona) -> Duration {
    let vive = sede.request("GET", "/healthz").send().await;
    assert_eq!(vive.status, 200, "{vive:?}");
    let entrar = json!({"rut": autor.rut.body(), "password": "no es esta"});
    let pedidos = vec![
        sede.request("GET", "/readyz"),
        sede.request("GET", "/catalogos"),
        sede.request("GET", "/reportes/").by(jefe),
        sede.request("GET", "/reportes/1").by(jefe),
        sede.request("POST", "/reportes/")
            .by(autor)
            .json(&reporte_in(1))
            .idempotency_key("una"),
        sede.request("PUT", "/reportes/1")
            .by(autor)
            .json(&json!({"titulo": "Otro", "version": 1})),
        sede.request("POST", "/admin/reportes/1/aprobar")
            .by(jefe)
            .json(&json!({})),
        sede.request("POST", "/auth/login").json(&entrar),
    ];
    let tareas = pedidos.into_iter().map(|pedido| async {
        let inicio = Instant::now();
        (pedido.send().await, inicio.elapsed())
    });
    let mut peor = Duration::ZERO;
    for (r, demora) in run_concurrently(tareas).await {
        assert_retry_later(&r);
        // A connection is waited for five seconds; the rest is for a machine with much to do.
        assert!(demora < Duration::from_secs(9), "{demora:?}: {r:?}");
        peor = peor.max(demora);
    }
    peor
}

fn assert_retry_later(r: &ApiResponse) {
    assert_eq!((r.status, r.code()), (503, "no_disponible"), "{r:?}");
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
    fn new() -> Option<Self> {
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
        let datos = cluster.data_dir();
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
            .run("initdb", &[&["-D", &datos], &initdb[..]].concat())
            .unwrap();
        // Nobody can reserve a port beforehand, so try until one is free.
        for _ in 0..10 {
            cluster.puerto = 10_000 + random_below(22_000);
            if cluster.start().is_ok() {
                return Some(cluster);
            }
        }
        panic!("PostgreSQL no arrancó");
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.puerto)
    }

    fn data_dir(&self) -> String {
        self.dir.path().join("datos").display().to_string()
    }

    fn start(&self) -> Result<(), String> {
        // Its processes die here, never the machine: what they wrote needs no fsync to stay.
        let opciones = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off",
            self.puerto
        );
        let registro = self.dir.path().join("postgres.log").display().to_string();
        let (datos, w) = (self.data_dir(), ["-w", "start"]);
        self.run(
            "pg_ctl",
            &[&["-D", &datos, "-l", &registro, "-o", &opciones], &w[..]].concat(),
        )
    }

    fn stop(&self, modo: &str) {
        self.run(
            "pg_ctl",
            &["-D", &self.data_dir(), "-m", modo, "-w", "stop"],
        )
        .unwrap();
    }

    fn run(&self, programa: &str, args: &[&str]) -> Result<(), String> {
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
        let detiene = ["-D", &self.data_dir(), "-m", "immediate", "-w", "stop"];
        self.run("pg_ctl", &detiene).ok();
    }
}
