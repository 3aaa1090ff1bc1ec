//! tus-js-client, which web apps use, against the real server: through a link that breaks all the time, a
//! pause, and the server's death, it brings every file, and hardly a byte twice.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use sigra_domain::sha256_hex;
use sigra_testkit::link::{LinkConditions, LinkCut, LinkProxy};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::crash::site::{ServerClient, ServerFixture};
use sigra_testkit::files::{Photo, reporte_with};
use sigra_testkit::{DbKind, Persona, Rng, TestDb, javascript};

const CARPETA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tus-js");
const MIB: usize = 1024 * 1024;
/// Nothing here takes this long; a hang should fail and not stay.
const TIMEOUT: Duration = Duration::from_mins(3);
/// Slow enough for a server to be killed in the middle of a file.
const BYTES_PER_SECOND: u64 = 4 * 1024 * 1024;

/// The client at work.
struct TusClient {
    hijo: Child,
    lineas: Lines<BufReader<ChildStdout>>,
    pasos: Vec<Value>,
}

impl TusClient {
    /// Uploads the files to whoever listens there; the second is paused half-way.
    fn begin(dir: &TempDir, endpoint: &str, token: &str, subidas: &[TusUpload]) -> Self {
        let archivos = subidas.iter().enumerate().map(|(i, s)| {
            let ruta = dir.path().join(format!("{i}.jpg"));
            std::fs::write(&ruta, &s.foto.bytes).expect("archivo");
            json!({"nombre": i, "ruta": ruta, "trozo": s.trozo, "pausa": s.pausa, "metadata": {
                "multimedia_uuid": s.foto.uuid, "sha256": s.foto.sha256(),
                "reporte_uuid": s.reporte["uuid_cliente"], "filename": "señal ⚠.jpg", "filetype": s.foto.tipo}})
        });
        let orden = json!({"endpoint": endpoint, "token": token, "memoria": dir.path().join("memoria.json"),
            "archivos": archivos.collect::<Vec<_>>()});
        std::fs::write(dir.path().join("orden.json"), orden.to_string()).expect("orden");
        let mut hijo = Command::new("node")
            .args(["sube.js", "orden.json"])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node");
        let lineas = BufReader::new(hijo.stdout.take().expect("stdout")).lines();
        Self {
            hijo,
            lineas,
            pasos: vec![],
        }
    }

    /// Until it tells such a step; false when it ended before.
    async fn wait_until(&mut self, es: impl Fn(&Value) -> bool) -> bool {
        let espera = async {
            while let Some(linea) = self.lineas.next_line().await.expect("stdout") {
                let paso: Value = serde_json::from_str(&linea).expect("JSON");
                self.pasos.push(paso);
                if self.pasos.last().is_some_and(&es) {
                    return true;
                }
            }
            false
        };
        timeout(TIMEOUT, espera).await.expect("el cliente avanza")
    }

    /// Its end, which must be a good one; all steps that it told.
    async fn finish(mut self) -> Vec<Value> {
        self.wait_until(|_| false).await;
        let fin = timeout(TIMEOUT, self.hijo.wait_with_output()).await;
        let fin = fin.expect("termina").expect("node");
        let dicho = String::from_utf8_lossy(&fin.stderr);
        assert!(fin.status.success(), "{dicho}\n{:?}", self.pasos);
        self.pasos
    }
}

/// A file, its report, and how the client sends it.
struct TusUpload {
    foto: Photo,
    reporte: Value,
    /// Bytes of a request; all at once without it.
    trozo: Option<usize>,
    /// Bytes after which it is paused.
    pausa: Option<usize>,
}

impl TusUpload {
    fn new(largo: usize, trozo: Option<usize>, pausa: Option<usize>) -> Self {
        let foto = Photo::new(largo);
        let reporte = reporte_with(&[&foto]);
        Self {
            foto,
            reporte,
            trozo,
            pausa,
        }
    }

    async fn send_reporte(&self, sede: &ServerClient, autor: &Persona) -> Value {
        let pedido = sede.request("POST", "/reportes/").by(autor);
        let r = pedido.json(&self.reporte).send().await;
        assert!([200, 201].contains(&r.status), "{r:?}");
        r.json
    }
}

/// The first answer of all is lost; after it every connection breaks, some on the way up, some on the
/// way down.
fn random_cut(conexion: u64, azar: &mut Rng) -> LinkCut {
    if conexion == 0 {
        LinkCut::Bajada(0)
    } else if conexion.is_multiple_of(3) {
        LinkCut::Bajada(azar.below(800) as u64)
    } else {
        LinkCut::Subida(azar.between(100_000, 900_000) as u64)
    }
}

async fn upload(motor: DbKind) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let Some(dir) = javascript::install_packages(CARPETA, "sube.js").await else {
        return bd.delete().await;
    };
    let mut planta = ServerFixture::new(bd).await;
    let (puerto, sede) = planta.start_on_any_port().await;
    let autor = planta.autores[0].clone();
    let subidas = [
        TusUpload::new(3 * MIB, None, None),
        TusUpload::new(3 * MIB + 17, Some(MIB / 2), Some(MIB)),
        TusUpload::new(6 * MIB, Some(MIB / 2), None),
    ];
    // Two reports come before their files, the last one after.
    for s in &subidas[..2] {
        s.send_reporte(&sede, &autor).await;
    }
    let mut azar = Rng::new();
    let link = LinkProxy::new(SocketAddr::from((Ipv4Addr::LOCALHOST, puerto)), move |n| {
        LinkConditions {
            bytes_por_segundo: Some(BYTES_PER_SECOND),
            corte: Some(random_cut(n, &mut azar)),
            ..LinkConditions::default()
        }
    });
    let link = link.await.expect("enlace");
    let endpoint = format!("http://{}/multimedia/tus", link.address());
    let mut cliente = TusClient::begin(&dir, &endpoint, &autor.token, &subidas);

    let en_medio = |p: &Value| p["nombre"] == 2 && p["bytes"].as_u64() >= Some(MIB as u64);
    assert!(cliente.wait_until(en_medio).await, "{:?}", cliente.pasos);
    planta.kill().await;
    let uuid = &subidas[2].foto.uuid;
    let va = format!("SELECT recibidos FROM subidas WHERE multimedia_uuid = '{uuid}'");
    let va = usize::try_from(planta.bd.query_i64(&va).await).unwrap();
    assert!((1..6 * MIB).contains(&va), "murió en medio: {va}");
    let sede = planta
        .start_on_port(puerto)
        .await
        .expect("arranca otra vez");
    let pasos = cliente.finish().await;

    for s in &subidas {
        let r = s.send_reporte(&sede, &autor).await;
        let r = format!("/reportes/{}", r["id"]);
        let r = sede.request("GET", &r).by(&autor).send().await.json;
        assert_eq!(r["sync_status"], "completo", "{r}");
        let url = r["multimedia"][0]["url"].as_str().unwrap();
        let bytes = sede.download(&autor, url).await;
        assert_eq!(sha256_hex(&bytes), s.foto.sha256());
    }
    let hubo = |paso: &str, nombre: usize| {
        pasos
            .iter()
            .any(|p| p["paso"] == paso && p["nombre"] == nombre)
    };
    assert!(hubo("pausa", 1) && hubo("reanuda", 1), "{pasos:?}");
    let total: usize = subidas.iter().map(|s| s.foto.bytes.len()).sum();
    let cuentas = link.stats();
    let subidos = usize::try_from(cuentas.subidos).unwrap();
    println!("{motor:?}: {total} bytes en archivos, {cuentas:?}");
    assert!(cuentas.cortadas > 10, "{cuentas:?}");
    assert!((total..=total * 13 / 10).contains(&subidos), "{subidos}");
    planta.assert_consistent().await;
    planta.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tus_js_client_uploads_everything_on_sqlite() {
    upload(DbKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tus_js_client_uploads_everything_on_postgres() {
    upload(DbKind::Postgres).await;
}
