//! Links that break: every batch is cut at a random byte of its request or its answer, and the phones
//! still deliver each report once.

use std::path::Path;

use sigra_domain::reporte::Contenido;
use sigra_enlace::{Condiciones, Corte, Enlace};
use sigra_phone::{Ajustes, Estado, Parche, Paso, Telefono, Tokens};
use sigra_store::{Entorno, identidad::AbrirSesion};

use crate::arnes::{Bd, Motor, Nodos, Persona, Red, Sitio, a_la_vez, cuenta, dado};

const TELEFONOS: usize = 20;

/// Somebody with a phone that nobody has used yet.
pub async fn dueno(sitio: &Sitio) -> (Persona, Tokens) {
    let persona = sitio.trabajador().await;
    let abrir = AbrirSesion {
        rut: persona.rut,
        device_id: None,
        agente: None,
        direccion: "127.0.0.1".into(),
        rehash: None,
    };
    let (sesion_id, refresh) = sitio.store.escribir(abrir).await.expect("sesión");
    let entorno = sitio.store.entorno();
    let access = sitio
        .tokens
        .emite(entorno, &persona.quien, sesion_id, sigra_api::AUD_API);
    let access = access.expect("token");
    (persona, Tokens { access, refresh })
}

pub async fn telefono(dir: &Path, n: usize, tokens: Tokens) -> Telefono {
    let (reloj, azar) = (Entorno::default(), Entorno::default());
    let ajustes = Ajustes::nuevos(
        "http://127.0.0.1:9",
        format!("moto-{n}"),
        move || reloj.ahora().0,
        move || u64::from_le_bytes(azar.azar()),
    );
    let archivo = dir.join(format!("moto-{n}.db"));
    let mut telefono = Telefono::abrir(&archivo, ajustes).await.expect("teléfono");
    telefono.continuar(tokens).await.expect("sesión");
    telefono
}

pub fn contenido(titulo: String) -> Contenido {
    Contenido {
        titulo,
        descripcion: Some("Planchón suelto sobre el paso de personal.".into()),
        area_id: 1 + i64::try_from(dado(5)).expect("cabe"),
        severidad_id: 3,
        ubicacion: None,
        multimedia: None,
    }
}

/// Writes down some reports and some edits.
async fn anota(telefono: &mut Telefono, uuids: &mut Vec<String>) {
    for _ in 0..=dado(12) {
        let titulo = format!("Roca {}", dado(1_000_000));
        if uuids.is_empty() || dado(3) > 0 {
            uuids.push(telefono.crear(contenido(titulo)).await.expect("crear"));
        } else {
            let parche = Parche {
                titulo: Some(titulo),
                ..Parche::default()
            };
            let uuid = &uuids[dado(uuids.len())];
            telefono.editar(uuid, parche).await.expect("editar");
        }
    }
}

/// A byte of the request that the phone will send, or of its answer, each with its headers.
async fn corte(telefono: &mut Telefono) -> Corte {
    let lote = telefono.arma_lote(500).await.expect("lote");
    let hasta = |n: usize| u64::try_from(dado(n)).expect("cabe");
    if dado(2) == 0 {
        Corte::Subida(hasta(lote.cuerpo().len() + 250))
    } else {
        Corte::Bajada(hasta(100 + 130 * lote.largo()))
    }
}

/// One phone, so many batches, each cut once. How many links broke.
async fn trabaja(
    red: Red,
    dir: std::path::PathBuf,
    n: usize,
    tokens: Tokens,
    lotes: usize,
) -> (Telefono, u64) {
    let mut telefono = telefono(&dir, n, tokens).await;
    let (mut uuids, mut cortadas) = (vec![], 0);
    for _ in 0..lotes {
        anota(&mut telefono, &mut uuids).await;
        let mut corte = Some(corte(&mut telefono).await);
        while telefono.pendientes().await.expect("cola") > 0 {
            let condiciones = Condiciones {
                corte: corte.take(),
                ..Condiciones::default()
            };
            let destino = red.direccion(dado(red.nodos()));
            let enlace = Enlace::nuevo(destino, move |_| condiciones)
                .await
                .expect("enlace");
            telefono
                .apuntar(&format!("http://{}", enlace.direccion()))
                .expect("dirección");
            // What it says to wait is not waited for: the next link is a good one.
            let paso = telefono.push_una_vez().await.expect("teléfono");
            assert!(!matches!(paso, Paso::DesdeCero), "{paso:?}");
            cortadas += enlace.cuentas().cortadas;
        }
    }
    (telefono, cortadas)
}

async fn corre(motor: Motor, procesos: usize) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let sitio = Sitio::nuevo(bd).await;
    let mut duenos = vec![];
    for _ in 0..TELEFONOS {
        duenos.push(dueno(&sitio).await.1);
    }
    let nodos = Nodos::nuevos(sitio.cierra().await, procesos).await;
    let dir = tempfile::tempdir().expect("directorio");
    let lotes = cuenta(2_000) / TELEFONOS;
    let trabajan = duenos
        .into_iter()
        .enumerate()
        .map(|(n, tokens)| trabaja(nodos.red.clone(), dir.path().to_owned(), n, tokens, lotes));
    let (mut todos, mut cortadas) = (vec![], 0);
    for (telefono, suyas) in a_la_vez(trabajan).await {
        todos.push(telefono);
        cortadas += suyas;
    }
    let (mut reportes, mut duplicados) = (0, 0);
    for telefono in &mut todos {
        let enlace = Enlace::nuevo(nodos.red.direccion(0), |_| Condiciones::default());
        let enlace = enlace.await.expect("enlace");
        telefono
            .apuntar(&format!("http://{}", enlace.direccion()))
            .expect("dirección");
        let resumen = telefono.toma_resumen();
        duplicados += resumen.duplicados;
        assert_eq!(
            (resumen.rechazados, resumen.conflictos),
            (0, 0),
            "{resumen:?}"
        );
        let resumen = telefono.sincroniza().await.expect("teléfono");
        assert_eq!(resumen.rechazados, 0, "{resumen:?}");
        let suyos = telefono.propios().await.expect("propios");
        assert!(
            suyos.iter().all(|p| p.estado == Estado::Entregado),
            "{suyos:?}"
        );
        let iguales = telefono.reconciliar().await.expect("reconcilia").iguales;
        assert_eq!(iguales, u64::try_from(suyos.len()).expect("cabe"));
        reportes += suyos.len();
    }
    let bd = nodos.cierra().await;
    println!(
        "{motor:?} con {procesos}: {} lotes, {cortadas} enlaces cortados, {duplicados} duplicados, {reportes} reportes",
        lotes * TELEFONOS
    );
    // As many rows as reports were written down: none lost, none doubled.
    let filas = bd.entero("SELECT count(*) FROM reportes").await;
    assert_eq!(usize::try_from(filas), Ok(reportes));
    assert!(usize::try_from(cortadas).expect("cabe") > lotes * TELEFONOS * 3 / 4 && duplicados > 0);
    Sitio::nuevo(bd).await.en_orden_y_fuera().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn los_telefonos_convergen_sqlite() {
    corre(Motor::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn los_telefonos_convergen_postgres() {
    corre(Motor::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn los_telefonos_convergen_en_tres_servidores() {
    corre(Motor::Postgres, 3).await;
}
