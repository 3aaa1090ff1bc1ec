//! Phones send their photos over links that break, wait and crawl, while the server is killed again and
//! again: each arrives whole, and little of it twice.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::join_all;
use sigra_domain::sha256_hex;
use sigra_files::blobs::BlobStore;
use sigra_phone::{ArchivoState, Attachment, Phone, QueuedArchivo, StepOutcome};
use sigra_testkit::link::{LinkConditions, LinkCut, LinkProxy};
use sigra_testkit::s3::S3Server;
use tokio::sync::{RwLock, watch};

use crate::sync::cuts::{contenido, open_phone, owner};
use sigra_testkit::files::{Photo, assert_consistent};
use sigra_testkit::{
    DbKind, NodeClients, Nodes, Persona, TestDb, TestSite, iterations, random_below,
};

const PHONES: usize = 20;

/// What the phones of a run share.
#[derive(Clone)]
struct SharedRun {
    red: NodeClients,
    /// Held while there is no server.
    vivo: Arc<RwLock<()>>,
    /// Requests so far.
    pasos: watch::Sender<usize>,
}

fn below(n: usize) -> u64 {
    u64::try_from(random_below(n)).expect("cabe")
}

/// A link that is narrow, and breaks more often than not.
fn random_conditions() -> LinkConditions {
    LinkConditions {
        latencia: std::time::Duration::from_millis(below(20)),
        bytes_por_segundo: Some(100_000 + below(400_000)),
        corte: match random_below(5) {
            0 | 1 => Some(LinkCut::Subida(below(1_500_000))),
            2 => Some(LinkCut::Bajada(below(400))),
            _ => None,
        },
    }
}

/// A request's head, about; it is not the upload.
const HEAD_BYTES: u64 = 1024;

/// What may be between the link and the server's disk when it is killed: the system took it, the server had not
/// read it.
const IN_FLIGHT_BYTES: u64 = 64 * 1024;

/// What a phone's links carried to the server.
#[derive(Default)]
struct LinkTraffic {
    /// Bytes, heads and reports as well.
    subidos: u64,
    /// Links broken.
    cortadas: u64,
    /// Of each file, by its uuid, without heads.
    por_archivo: HashMap<String, u64>,
}

/// All that this phone has, however long it takes.
async fn send(mina: SharedRun, mut telefono: Phone) -> (Phone, LinkTraffic) {
    let mut carga = LinkTraffic::default();
    let mut reportes = true;
    loop {
        let archivo = if reportes {
            None
        } else {
            telefono.next_archivo().await.expect("archivo")
        };
        let destino = mina.red.address(0);
        let link = LinkProxy::new(destino, |_| random_conditions())
            .await
            .expect("enlace");
        let url = format!("http://{}", link.address());
        telefono.set_url(&url).expect("dirección");
        let paso = if reportes {
            telefono.push_once().await
        } else {
            telefono.upload_archivo_once().await
        };
        let cuentas = link.stats();
        carga.subidos += cuentas.subidos;
        carga.cortadas += cuentas.cortadas;
        if let Some(a) = archivo {
            let suyos = carga.por_archivo.entry(a.archivo.uuid_cliente).or_default();
            *suyos += cuentas.subidos.saturating_sub(HEAD_BYTES);
        }
        mina.pasos.send_modify(|n| *n += 1);
        match paso.expect("teléfono") {
            StepOutcome::Listo if reportes => reportes = false,
            StepOutcome::Listo => return (telefono, carga),
            StepOutcome::Sigue => {}
            // What it says to wait is not waited for, unless there is nobody to ask.
            _ => drop(mina.vivo.read().await),
        }
    }
}

/// Photos on the phone's own disk, a few to a report.
async fn take_photos(telefono: &mut Phone, dir: &std::path::Path, n: usize, cuantas: usize) {
    let mut adjuntos = vec![];
    for i in 0..cuantas {
        let foto = Photo::new(20_000 + random_below(2_000_000));
        let ruta = dir.join(format!("{n}-{i}.jpg"));
        std::fs::write(&ruta, &foto.bytes).expect("foto");
        adjuntos.push(Attachment {
            ruta,
            nombre: format!("roca {i}.jpg"),
            tipo: foto.tipo.into(),
        });
    }
    for grupo in adjuntos.chunks(3) {
        let nuevo = contenido(format!("Roca {}", random_below(1_000_000)));
        telefono
            .create_with_archivos(nuevo, grupo)
            .await
            .expect("crear");
    }
}

/// Kills the server so many times, spread over what the phones do, and starts it again.
async fn kill(mina: &SharedRun, nodos: &mut Nodes, veces: usize, cada: usize) {
    let mut pasos = mina.pasos.subscribe();
    for vez in 1..=veces {
        pasos
            .wait_for(|n| *n >= vez * cada)
            .await
            .expect("teléfonos");
        let _sin_servidor = mina.vivo.write().await;
        nodos.kill(0).await;
        nodos.start(0).await;
    }
}

async fn run(motor: DbKind, en_s3: bool) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let sitio = TestSite::new(bd).await;
    let mut duenos = vec![];
    for _ in 0..PHONES {
        duenos.push(owner(&sitio).await);
    }
    let s3 = if en_s3 {
        Some(S3Server::start().await.expect("S3"))
    } else {
        None
    };
    let variables = s3.iter().flat_map(|s3| env_vars(&s3.options()));
    let mut nodos = Nodes::with(sitio.close().await, 1, variables.collect()).await;
    let dir = tempfile::tempdir().expect("directorio");
    let mina = SharedRun {
        red: nodos.red.clone(),
        vivo: Arc::default(),
        pasos: watch::Sender::new(0),
    };
    let (personas, tokens): (Vec<Persona>, Vec<_>) = duenos.into_iter().unzip();
    let fotos = iterations(300);
    let mut envios = vec![];
    for (n, tokens) in tokens.into_iter().enumerate() {
        let mut telefono = open_phone(dir.path(), n, tokens).await;
        let suyas = fotos / PHONES + usize::from(n < fotos % PHONES);
        take_photos(&mut telefono, dir.path(), n, suyas).await;
        envios.push(tokio::spawn(send(mina.clone(), telefono)));
    }
    // Each file takes two requests at least, and its report one.
    let veces = iterations(20);
    let (hechos, ()) = tokio::join!(
        join_all(envios),
        kill(&mina, &mut nodos, veces, fotos * 2 / (veces + 1))
    );
    let (mut archivos, mut veces_cada_uno) = (vec![], vec![]);
    let (mut subidos, mut cortadas, mut reanudados) = (0, 0, 0);
    for hecho in hechos {
        let (mut telefono, carga) = hecho.expect("teléfono");
        subidos += carga.subidos;
        cortadas += carga.cortadas;
        reanudados += telefono.take_summary().reanudados;
        let suyos = telefono.archivos().await.expect("archivos");
        for a in &suyos {
            let bytes = u64::try_from(a.archivo.bytes).expect("cabe");
            let enviados = carga.por_archivo[&a.archivo.uuid_cliente];
            let de_mas = enviados.saturating_sub(IN_FLIGHT_BYTES);
            assert!(
                de_mas * 10 <= bytes * 13,
                "{enviados} bytes por una foto de {bytes}"
            );
            veces_cada_uno.push((enviados * 100 / bytes, bytes));
        }
        archivos.push(suyos);
    }
    veces_cada_uno.sort_unstable_by(|a, b| b.cmp(a));
    let mut bytes = 0;
    for (persona, suyos) in personas.iter().zip(&archivos) {
        bytes += check(&nodos, persona, suyos).await;
    }
    let veces_mas = subidos * 100 / bytes;
    println!(
        "{motor:?} {}: {fotos} fotos, {} MiB, {subidos} bytes subidos ({veces_mas} %), \
         {cortadas} enlaces cortados, {veces} veces muerto, {reanudados} reanudadas; \
         las más enviadas (%, bytes): {:?}",
        if en_s3 { "S3" } else { "directorio" },
        bytes / 1_048_576,
        &veces_cada_uno[..8]
    );
    assert!(cortadas > 0 && reanudados > 0);
    let blobs = match &s3 {
        Some(s3) => BlobStore::s3(&s3.options()),
        None => BlobStore::open_dir(nodos.dir().join("archivos")),
    };
    let blobs = blobs.expect("almacén");
    let archivos = nodos.kill_into_parts().await;
    assert_consistent(&archivos.0, &blobs).await;
    TestSite::new(archivos.0)
        .await
        .assert_consistent_and_finish()
        .await;
}

/// Every file of this person is at the server as it was on the phone; their bytes.
async fn check(nodos: &Nodes, persona: &Persona, suyos: &[QueuedArchivo]) -> u64 {
    let mut bytes = 0;
    for a in suyos {
        assert_eq!(a.estado, ArchivoState::Enviado, "{a:?}");
        let sql = format!(
            "SELECT id FROM multimedia WHERE uuid_cliente = '{}' AND estado = 'subido'",
            a.archivo.uuid_cliente
        );
        let id = nodos.bd.query_i64(&sql).await;
        let hay = nodos
            .red
            .download(0, persona, &format!("/multimedia/{id}"))
            .await;
        assert_eq!(sha256_hex(&hay), a.archivo.sha256);
        bytes += u64::try_from(hay.len()).expect("cabe");
    }
    bytes
}

fn env_vars(o: &sigra_files::blobs::S3Options) -> Vec<(String, String)> {
    [
        ("SIGRA_S3_URL", &o.url),
        ("SIGRA_S3_REGION", &o.region),
        ("SIGRA_S3_BUCKET", &o.bucket),
        ("SIGRA_S3_CLAVE_ID", &o.clave_id),
        ("SIGRA_S3_CLAVE_SECRETA", &o.clave_secreta),
    ]
    .map(|(nombre, valor)| (nombre.to_owned(), valor.clone()))
    .into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_photos_arrive_whole_on_sqlite() {
    run(DbKind::Sqlite, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_photos_arrive_whole_on_postgres() {
    run(DbKind::Postgres, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_photos_arrive_whole_on_sqlite_and_s3() {
    run(DbKind::Sqlite, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_photos_arrive_whole_on_postgres_and_s3() {
    run(DbKind::Postgres, true).await;
}
