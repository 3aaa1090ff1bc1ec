//! Links that break: every batch is cut at a random byte of its request or its answer, and the phones
//! still deliver each report once.

use std::path::Path;

use sigra_domain::reporte::Contenido;
use sigra_phone::{Patch, Phone, PhoneOptions, QueueState, StepOutcome, Tokens};
use sigra_store::Env;
use sigra_testkit::link::{LinkConditions, LinkCut, LinkProxy};

use sigra_testkit::{
    DbKind, NodeClients, Nodes, Persona, TestDb, TestSite, iterations, random_below,
    run_concurrently,
};

const PHONES: usize = 20;

/// Somebody with a phone that nobody has used yet.
pub async fn owner(sitio: &TestSite) -> (Persona, Tokens) {
    let persona = sitio.trabajador().await;
    let quien = persona.quien.clone();
    let (session, refresh) = Persona::open_session(&sitio.store, &sitio.tokens, quien).await;
    let access = session.token;
    (persona, Tokens { access, refresh })
}

pub async fn open_phone(dir: &Path, n: usize, tokens: Tokens) -> Phone {
    let (reloj, azar) = (Env::default(), Env::default());
    let ajustes = PhoneOptions::new(
        "http://127.0.0.1:9",
        format!("moto-{n}"),
        move || reloj.now().0,
        move || u64::from_le_bytes(azar.random()),
    );
    let archivo = dir.join(format!("moto-{n}.db"));
    let mut telefono = Phone::open(&archivo, ajustes).await.expect("teléfono");
    telefono.resume_session(tokens).await.expect("sesión");
    telefono
}

pub fn contenido(titulo: String) -> Contenido {
    Contenido {
        titulo,
        descripcion: Some("Planchón suelto sobre el paso de personal.".into()),
        area_id: 1 + i64::try_from(random_below(5)).expect("cabe"),
        severidad_id: 3,
        ubicacion: None,
        multimedia: None,
    }
}

/// Writes down some reports and some edits.
async fn record(telefono: &mut Phone, uuids: &mut Vec<String>) {
    for _ in 0..=random_below(12) {
        let titulo = format!("Roca {}", random_below(1_000_000));
        if uuids.is_empty() || random_below(3) > 0 {
            uuids.push(telefono.create(contenido(titulo)).await.expect("crear"));
        } else {
            let parche = Patch {
                titulo: Some(titulo),
                ..Patch::default()
            };
            let uuid = &uuids[random_below(uuids.len())];
            telefono.edit(uuid, parche).await.expect("editar");
        }
    }
}

/// A byte of the request that the phone will send, or of its answer, each with its headers.
async fn random_cut(telefono: &mut Phone) -> LinkCut {
    let lote = telefono.build_batch(500).await.expect("lote");
    let hasta = |n: usize| u64::try_from(random_below(n)).expect("cabe");
    if random_below(2) == 0 {
        LinkCut::Subida(hasta(lote.body().len() + 250))
    } else {
        LinkCut::Bajada(hasta(100 + 130 * lote.item_count()))
    }
}

/// One phone, so many batches, each cut once. How many links broke.
async fn run_batches(
    red: NodeClients,
    dir: std::path::PathBuf,
    n: usize,
    tokens: Tokens,
    lotes: usize,
) -> (Phone, u64) {
    let mut telefono = open_phone(&dir, n, tokens).await;
    let (mut uuids, mut cortadas) = (vec![], 0);
    for _ in 0..lotes {
        record(&mut telefono, &mut uuids).await;
        let mut corte = Some(random_cut(&mut telefono).await);
        while telefono.pending_count().await.expect("cola") > 0 {
            let condiciones = LinkConditions {
                corte: corte.take(),
                ..LinkConditions::default()
            };
            let destino = red.address(random_below(red.node_count()));
            let link = LinkProxy::new(destino, move |_| condiciones)
                .await
                .expect("enlace");
            telefono
                .set_url(&format!("http://{}", link.address()))
                .expect("dirección");
            // What it says to wait is not waited for: the next link is a good one.
            let paso = telefono.push_once().await.expect("teléfono");
            assert!(!matches!(paso, StepOutcome::DesdeCero), "{paso:?}");
            cortadas += link.stats().cortadas;
        }
    }
    (telefono, cortadas)
}

async fn run(motor: DbKind, procesos: usize) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let sitio = TestSite::new(bd).await;
    let mut duenos = vec![];
    for _ in 0..PHONES {
        duenos.push(owner(&sitio).await.1);
    }
    let nodos = Nodes::new(sitio.close().await, procesos).await;
    let dir = tempfile::tempdir().expect("directorio");
    let lotes = iterations(2_000) / PHONES;
    let trabajan = duenos
        .into_iter()
        .enumerate()
        .map(|(n, tokens)| run_batches(nodos.red.clone(), dir.path().to_owned(), n, tokens, lotes));
    let (mut todos, mut cortadas) = (vec![], 0);
    for (telefono, suyas) in run_concurrently(trabajan).await {
        todos.push(telefono);
        cortadas += suyas;
    }
    let (mut reportes, mut duplicados) = (0, 0);
    for telefono in &mut todos {
        let link = LinkProxy::new(nodos.red.address(0), |_| LinkConditions::default());
        let link = link.await.expect("enlace");
        telefono
            .set_url(&format!("http://{}", link.address()))
            .expect("dirección");
        let resumen = telefono.take_summary();
        duplicados += resumen.duplicados;
        assert_eq!(
            (resumen.rechazados, resumen.conflictos),
            (0, 0),
            "{resumen:?}"
        );
        let resumen = telefono.sync().await.expect("teléfono");
        assert_eq!(resumen.rechazados, 0, "{resumen:?}");
        let suyos = telefono.own_reportes().await.expect("propios");
        assert!(
            suyos.iter().all(|p| p.estado == QueueState::Entregado),
            "{suyos:?}"
        );
        let iguales = telefono.reconcile().await.expect("reconcilia").iguales;
        assert_eq!(iguales, u64::try_from(suyos.len()).expect("cabe"));
        reportes += suyos.len();
    }
    let bd = nodos.close().await;
    println!(
        "{motor:?} con {procesos}: {} lotes, {cortadas} enlaces cortados, {duplicados} duplicados, {reportes} reportes",
        lotes * PHONES
    );
    // As many rows as reports were written down: none lost, none doubled.
    let filas = bd.query_i64("SELECT count(*) FROM reportes").await;
    assert_eq!(usize::try_from(filas), Ok(reportes));
    assert!(usize::try_from(cortadas).expect("cabe") > lotes * PHONES * 3 / 4 && duplicados > 0);
    TestSite::new(bd).await.assert_consistent_and_finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phones_converge_on_sqlite() {
    run(DbKind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phones_converge_on_postgres() {
    run(DbKind::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phones_converge_on_three_servers() {
    run(DbKind::Postgres, 3).await;
}
