//! tus-js-client, which web apps use, against the real server: through a link that breaks all the time, a
//! pause, and the server's death, it brings every file, and hardly a byte twice.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use sigra_domain::sha256_hex;
use sigra_enlace::{Condiciones, Corte, Enlace};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::taller::{Foto, reporte_con};
use crate::{
    arnes::{Azar, Bd, Motor, Persona, node},
    muerte::planta::{Planta, Sede},
};

const MIB: usize = 1024 * 1024;
/// Nothing here takes this long; a hang should fail and not stay.
const PLAZO: Duration = Duration::from_mins(3);
/// Slow enough for a server to be killed in the middle of a file.
const BYTES_POR_SEGUNDO: u64 = 4 * 1024 * 1024;

/// The client at work.
struct Cliente {
    hijo: Child,
    lineas: Lines<BufReader<ChildStdout>>,
    pasos: Vec<Value>,
}

impl Cliente {
    /// Uploads the files to whoever listens there; the second is paused half-way.
    fn empieza(dir: &TempDir, endpoint: &str, token: &str, subidas: &[Subida]) -> Self {
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
    async fn hasta(&mut self, es: impl Fn(&Value) -> bool) -> bool {
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
        timeout(PLAZO, espera).await.expect("el cliente avanza")
    }

    /// Its end, which must be a good one; all steps that it told.
    async fn termina(mut self) -> Vec<Value> {
        self.hasta(|_| false).await;
        let fin = timeout(PLAZO, self.hijo.wait_with_output()).await;
        let fin = fin.expect("termina").expect("node");
        let dicho = String::from_utf8_lossy(&fin.stderr);
        assert!(fin.status.success(), "{dicho}\n{:?}", self.pasos);
        self.pasos
    }
}

/// A file, its report, and how the client sends it.
struct Subida {
    foto: Foto,
    reporte: Value,
    /// Bytes of a request; all at once without it.
    trozo: Option<usize>,
    /// Bytes after which it is paused.
    pausa: Option<usize>,
}

impl Subida {
    fn nueva(largo: usize, trozo: Option<usize>, pausa: Option<usize>) -> Self {
        let foto = Foto::nueva(largo);
        let reporte = reporte_con(&[&foto]);
        Self {
            foto,
            reporte,
            trozo,
            pausa,
        }
    }

    async fn envia_reporte(&self, sede: &Sede, autor: &Persona) -> Value {
        let pedido = sede.pide("POST", "/reportes/").como(autor);
        let r = pedido.json(&self.reporte).envia().await;
        assert!([200, 201].contains(&r.status), "{r:?}");
        r.json
    }
}

/// The first answer of all is lost; after it every connection breaks, some on the way up, some on the
/// way down.
fn corte(conexion: u64, azar: &mut Azar) -> Corte {
    if conexion == 0 {
        Corte::Bajada(0)
    } else if conexion.is_multiple_of(3) {
        Corte::Bajada(azar.menor(800) as u64)
    } else {
        Corte::Subida(azar.entre(100_000, 900_000) as u64)
    }
}

async fn sube(motor: Motor) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let Some(dir) = node::paquetes("tus-js", "sube.js").await else {
        return bd.borra().await;
    };
    let mut planta = Planta::nueva(bd).await;
    let (puerto, sede) = planta.arranca_donde_sea().await;
    let autor = planta.autores[0].clone();
    let subidas = [
        Subida::nueva(3 * MIB, None, None),
        Subida::nueva(3 * MIB + 17, Some(MIB / 2), Some(MIB)),
        Subida::nueva(6 * MIB, Some(MIB / 2), None),
    ];
    // Two reports come before their files, the last one after.
    for s in &subidas[..2] {
        s.envia_reporte(&sede, &autor).await;
    }
    let mut azar = Azar::nuevo();
    let enlace = Enlace::nuevo(SocketAddr::from((Ipv4Addr::LOCALHOST, puerto)), move |n| {
        Condiciones {
            bytes_por_segundo: Some(BYTES_POR_SEGUNDO),
            corte: Some(corte(n, &mut azar)),
            ..Condiciones::default()
        }
    });
    let enlace = enlace.await.expect("enlace");
    let endpoint = format!("http://{}/multimedia/tus", enlace.direccion());
    let mut cliente = Cliente::empieza(&dir, &endpoint, &autor.token, &subidas);

    let en_medio = |p: &Value| p["nombre"] == 2 && p["bytes"].as_u64() >= Some(MIB as u64);
    assert!(cliente.hasta(en_medio).await, "{:?}", cliente.pasos);
    planta.mata().await;
    let uuid = &subidas[2].foto.uuid;
    let va = format!("SELECT recibidos FROM subidas WHERE multimedia_uuid = '{uuid}'");
    let va = usize::try_from(planta.bd.entero(&va).await).unwrap();
    assert!((1..6 * MIB).contains(&va), "murió en medio: {va}");
    let sede = planta.arranca_en(puerto).await.expect("arranca otra vez");
    let pasos = cliente.termina().await;

    for s in &subidas {
        let r = s.envia_reporte(&sede, &autor).await;
        let r = format!("/reportes/{}", r["id"]);
        let r = sede.pide("GET", &r).como(&autor).envia().await.json;
        assert_eq!(r["sync_status"], "completo", "{r}");
        let url = r["multimedia"][0]["url"].as_str().unwrap();
        let bytes = sede.baja(&autor, url).await;
        assert_eq!(sha256_hex(&bytes), s.foto.sha256());
    }
    let hubo = |paso: &str, nombre: usize| {
        pasos
            .iter()
            .any(|p| p["paso"] == paso && p["nombre"] == nombre)
    };
    assert!(hubo("pausa", 1) && hubo("reanuda", 1), "{pasos:?}");
    let total: usize = subidas.iter().map(|s| s.foto.bytes.len()).sum();
    let cuentas = enlace.cuentas();
    let subidos = usize::try_from(cuentas.subidos).unwrap();
    println!("{motor:?}: {total} bytes en archivos, {cuentas:?}");
    assert!(cuentas.cortadas > 10, "{cuentas:?}");
    assert!((total..=total * 13 / 10).contains(&subidos), "{subidos}");
    planta.en_orden().await;
    planta.fin().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tus_js_client_sube_todo_sqlite() {
    sube(Motor::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tus_js_client_sube_todo_postgres() {
    sube(Motor::Postgres).await;
}
