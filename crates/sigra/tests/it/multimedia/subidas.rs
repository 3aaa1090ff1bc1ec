//! Phones send their photos over links that break, wait and crawl, while the server is killed again and
//! again: each arrives whole, and little of it twice.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::join_all;
use sigra_almacen::Almacen;
use sigra_domain::sha256_hex;
use sigra_enlace::{Condiciones, Corte, Enlace};
use sigra_phone::{Adjunto, ArchivoPropio, EstadoDeArchivo, Paso, Telefono};
use sigra_servidor_s3::ServidorS3;
use tokio::sync::{RwLock, watch};

use super::taller::{Foto, en_orden};
use crate::{
    arnes::{Bd, Motor, Nodos, Persona, Red, Sitio, cuenta, dado},
    sync::cortes::{contenido, dueno, telefono},
};

const TELEFONOS: usize = 20;

/// What the phones of a run share.
#[derive(Clone)]
struct Mina {
    red: Red,
    /// Held while there is no server.
    vivo: Arc<RwLock<()>>,
    /// Requests so far.
    pasos: watch::Sender<usize>,
}

fn menor(n: usize) -> u64 {
    u64::try_from(dado(n)).expect("cabe")
}

/// A link that is narrow, and breaks more often than not.
fn condiciones() -> Condiciones {
    Condiciones {
        latencia: std::time::Duration::from_millis(menor(20)),
        bytes_por_segundo: Some(100_000 + menor(400_000)),
        corte: match dado(5) {
            0 | 1 => Some(Corte::Subida(menor(1_500_000))),
            2 => Some(Corte::Bajada(menor(400))),
            _ => None,
        },
    }
}

/// A request's head, about; it is not the upload.
const CABEZA: u64 = 1024;

/// What may be between the link and the server's disk when it is killed: the system took it, the server had not
/// read it.
const EN_VUELO: u64 = 64 * 1024;

/// What a phone's links carried to the server.
#[derive(Default)]
struct Carga {
    /// Bytes, heads and reports as well.
    subidos: u64,
    /// Links broken.
    cortadas: u64,
    /// Of each file, by its uuid, without heads.
    por_archivo: HashMap<String, u64>,
}

/// All that this phone has, however long it takes.
async fn envia(mina: Mina, mut telefono: Telefono) -> (Telefono, Carga) {
    let mut carga = Carga::default();
    let mut reportes = true;
    loop {
        let archivo = if reportes {
            None
        } else {
            telefono.proximo_archivo().await.expect("archivo")
        };
        let destino = mina.red.direccion(0);
        let enlace = Enlace::nuevo(destino, |_| condiciones())
            .await
            .expect("enlace");
        let url = format!("http://{}", enlace.direccion());
        telefono.apuntar(&url).expect("dirección");
        let paso = if reportes {
            telefono.push_una_vez().await
        } else {
            telefono.archivo_una_vez().await
        };
        let cuentas = enlace.cuentas();
        carga.subidos += cuentas.subidos;
        carga.cortadas += cuentas.cortadas;
        if let Some(a) = archivo {
            let suyos = carga.por_archivo.entry(a.archivo.uuid_cliente).or_default();
            *suyos += cuentas.subidos.saturating_sub(CABEZA);
        }
        mina.pasos.send_modify(|n| *n += 1);
        match paso.expect("teléfono") {
            Paso::Listo if reportes => reportes = false,
            Paso::Listo => return (telefono, carga),
            Paso::Sigue => {}
            // What it says to wait is not waited for, unless there is nobody to ask.
            _ => drop(mina.vivo.read().await),
        }
    }
}

/// Photos on the phone's own disk, a few to a report.
async fn toma_fotos(telefono: &mut Telefono, dir: &std::path::Path, n: usize, cuantas: usize) {
    let mut adjuntos = vec![];
    for i in 0..cuantas {
        let foto = Foto::nueva(20_000 + dado(2_000_000));
        let ruta = dir.join(format!("{n}-{i}.jpg"));
        std::fs::write(&ruta, &foto.bytes).expect("foto");
        adjuntos.push(Adjunto {
            ruta,
            nombre: format!("roca {i}.jpg"),
            tipo: foto.tipo.into(),
        });
    }
    for grupo in adjuntos.chunks(3) {
        let nuevo = contenido(format!("Roca {}", dado(1_000_000)));
        telefono
            .crear_con_archivos(nuevo, grupo)
            .await
            .expect("crear");
    }
}

/// Kills the server so many times, spread over what the phones do, and starts it again.
async fn mata(mina: &Mina, nodos: &mut Nodos, veces: usize, cada: usize) {
    let mut pasos = mina.pasos.subscribe();
    for vez in 1..=veces {
        pasos
            .wait_for(|n| *n >= vez * cada)
            .await
            .expect("teléfonos");
        let _sin_servidor = mina.vivo.write().await;
        nodos.mata(0).await;
        nodos.arranca(0).await;
    }
}

async fn corre(motor: Motor, en_s3: bool) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let sitio = Sitio::nuevo(bd).await;
    let mut duenos = vec![];
    for _ in 0..TELEFONOS {
        duenos.push(dueno(&sitio).await);
    }
    let s3 = if en_s3 {
        Some(ServidorS3::inicia().await.expect("S3"))
    } else {
        None
    };
    let variables = s3.iter().flat_map(|s3| variables(&s3.opciones()));
    let mut nodos = Nodos::con(sitio.cierra().await, 1, variables.collect()).await;
    let dir = tempfile::tempdir().expect("directorio");
    let mina = Mina {
        red: nodos.red.clone(),
        vivo: Arc::default(),
        pasos: watch::Sender::new(0),
    };
    let (personas, tokens): (Vec<Persona>, Vec<_>) = duenos.into_iter().unzip();
    let fotos = cuenta(300);
    let mut envios = vec![];
    for (n, tokens) in tokens.into_iter().enumerate() {
        let mut telefono = telefono(dir.path(), n, tokens).await;
        let suyas = fotos / TELEFONOS + usize::from(n < fotos % TELEFONOS);
        toma_fotos(&mut telefono, dir.path(), n, suyas).await;
        envios.push(tokio::spawn(envia(mina.clone(), telefono)));
    }
    // Each file takes two requests at least, and its report one.
    let veces = cuenta(20);
    let (hechos, ()) = tokio::join!(
        join_all(envios),
        mata(&mina, &mut nodos, veces, fotos * 2 / (veces + 1))
    );
    let (mut archivos, mut veces_cada_uno) = (vec![], vec![]);
    let (mut subidos, mut cortadas, mut reanudados) = (0, 0, 0);
    for hecho in hechos {
        let (mut telefono, carga) = hecho.expect("teléfono");
        subidos += carga.subidos;
        cortadas += carga.cortadas;
        reanudados += telefono.toma_resumen().reanudados;
        let suyos = telefono.archivos().await.expect("archivos");
        for a in &suyos {
            let bytes = u64::try_from(a.archivo.bytes).expect("cabe");
            let enviados = carga.por_archivo[&a.archivo.uuid_cliente];
            let de_mas = enviados.saturating_sub(EN_VUELO);
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
        bytes += comprueba(&nodos, persona, suyos).await;
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
    let almacen = match &s3 {
        Some(s3) => Almacen::s3(&s3.opciones()),
        None => Almacen::directorio(nodos.dir().join("archivos")),
    };
    let almacen = almacen.expect("almacén");
    let archivos = nodos.archiva().await;
    en_orden(&archivos.0, &almacen).await;
    Sitio::nuevo(archivos.0).await.en_orden_y_fuera().await;
}

/// Every file of this person is at the server as it was on the phone; their bytes.
async fn comprueba(nodos: &Nodos, persona: &Persona, suyos: &[ArchivoPropio]) -> u64 {
    let mut bytes = 0;
    for a in suyos {
        assert_eq!(a.estado, EstadoDeArchivo::Enviado, "{a:?}");
        let sql = format!(
            "SELECT id FROM multimedia WHERE uuid_cliente = '{}' AND estado = 'subido'",
            a.archivo.uuid_cliente
        );
        let id = nodos.bd.entero(&sql).await;
        let hay = nodos
            .red
            .baja(0, persona, &format!("/multimedia/{id}"))
            .await;
        assert_eq!(sha256_hex(&hay), a.archivo.sha256);
        bytes += u64::try_from(hay.len()).expect("cabe");
    }
    bytes
}

fn variables(o: &sigra_almacen::OpcionesS3) -> Vec<(String, String)> {
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
async fn todas_llegan_enteras_sqlite() {
    corre(Motor::Sqlite, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn todas_llegan_enteras_postgres() {
    corre(Motor::Postgres, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn todas_llegan_enteras_sqlite_y_s3() {
    corre(Motor::Sqlite, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn todas_llegan_enteras_postgres_y_s3() {
    corre(Motor::Postgres, true).await;
}
