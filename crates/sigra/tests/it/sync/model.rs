//! Random phones and random supervisors against a simple model: whatever is sent, lost, sent again,
//! reordered or brought back from an old backup, every answer is the model's, and in the end the
//! reports, their bitácora and what readers were told are too.
//!
//! What fails is made smaller by proptest before it is shown.

mod personas;
mod readers;
mod rule;
mod world;

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};

use rule::FIELD_COUNT;
use sigra_testkit::{DbKind, Nodes, TestDb, TestSite, iterations};
use world::{ModelWorld, Participants};

pub const PHONES: usize = 4;

/// What happens to a batch on its way.
#[derive(Clone, Copy, Debug)]
enum BatchFate {
    Llega,
    /// The server has it, the phone does not know.
    SinRespuesta,
    /// Two copies at the same time.
    DosVeces,
    /// First a half of it, then the whole.
    PorMitades,
}

/// One step; numbers choose among what is there.
#[derive(Clone, Debug)]
enum ModelStep {
    /// A phone writes a report.
    Crea(usize),
    /// It edits one that it knows, from the version it knows.
    Edita(usize, usize, usize, u8),
    /// It sends the first so many of what it holds.
    Envia(usize, usize, BatchFate),
    /// It holds something again that it sent before.
    Repite(usize, usize),
    /// Its queue is in another order.
    Reordena(usize, usize),
    /// It keeps a copy of itself, or goes back to the last one.
    Respalda(usize),
    Vuelve(usize),
    /// A phone sends somebody else's report as its own.
    Suplanta(usize, usize),
    /// An item that names a version out of thin air, or none.
    Inventa(usize, usize, u8, Option<i64>),
    /// A supervisor changes a field, or decides, or withdraws.
    Cambia(usize, usize, u8),
    Decide(usize),
    Retira(usize),
    /// Somebody resolves a conflict.
    Resuelve(usize, usize, u8),
    /// A reader asks for a page.
    Lee(usize, usize),
}

fn step() -> impl Strategy<Value = ModelStep> {
    let n = 0..1_000_usize;
    let suerte = prop_oneof![
        4 => Just(BatchFate::Llega),
        2 => Just(BatchFate::SinRespuesta),
        1 => Just(BatchFate::DosVeces),
        1 => Just(BatchFate::PorMitades),
    ];
    let version = prop_oneof![Just(None), (0..6_i64).prop_map(Some)];
    prop_oneof![
        4 => n.clone().prop_map(ModelStep::Crea),
        8 => (n.clone(), n.clone(), 0..FIELD_COUNT, 0..3_u8).prop_map(|(t, r, c, v)| ModelStep::Edita(t, r, c, v)),
        8 => (n.clone(), 1..8_usize, suerte).prop_map(|(t, k, s)| ModelStep::Envia(t, k, s)),
        3 => (n.clone(), n.clone()).prop_map(|(t, k)| ModelStep::Repite(t, k)),
        1 => (n.clone(), n.clone()).prop_map(|(t, k)| ModelStep::Reordena(t, k)),
        1 => n.clone().prop_map(ModelStep::Respalda),
        1 => n.clone().prop_map(ModelStep::Vuelve),
        1 => (n.clone(), n.clone()).prop_map(|(t, r)| ModelStep::Suplanta(t, r)),
        2 => (n.clone(), n.clone(), 0..3_u8, version).prop_map(|(t, r, v, b)| ModelStep::Inventa(t, r, v, b)),
        4 => (n.clone(), 0..FIELD_COUNT, 0..3_u8).prop_map(|(r, c, v)| ModelStep::Cambia(r, c, v)),
        1 => n.clone().prop_map(ModelStep::Decide),
        1 => n.clone().prop_map(ModelStep::Retira),
        2 => (n.clone(), 0..3_usize, 0..2_u8).prop_map(|(c, d, l)| ModelStep::Resuelve(c, d, l)),
        2 => (n, 1..5_usize).prop_map(|(l, k)| ModelStep::Lee(l, k)),
    ]
}

async fn run(motor: DbKind, procesos: usize) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let sitio = TestSite::new(bd).await;
    let mut telefonos = vec![];
    for _ in 0..PHONES - 1 {
        telefonos.push(sitio.trabajador().await);
    }
    // Two phones of one person.
    telefonos.push(telefonos[0].clone());
    let gente = Participants {
        telefonos,
        jefa: sitio.administrador().await,
        lectores: vec![
            sitio.supervisor(&[1]).await,
            sitio.supervisor(&[2, 3]).await,
        ],
    };
    let nodos = Nodes::new(sitio.close().await, procesos).await;
    let handle = tokio::runtime::Handle::current();
    let config = Config {
        cases: u32::try_from(iterations(200)).unwrap(),
        max_shrink_iters: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let pasos = std::cell::Cell::new(0);
    let resultado = tokio::task::block_in_place(|| {
        runner.run(&prop::collection::vec(step(), 1..80), |dados| {
            pasos.set(pasos.get() + dados.len());
            handle
                .block_on(run_case(&nodos, &gente, &dados))
                .map_err(TestCaseError::fail)
        })
    });
    println!("{motor:?} con {procesos}: {} pasos", pasos.get());
    if let Err(e) = resultado {
        panic!("{e}");
    }
    let bd = nodos.close().await;
    bd.assert_rows_complete().await;
    TestSite::new(bd).await.assert_consistent_and_finish().await;
}

async fn run_case(nodos: &Nodes, gente: &Participants, pasos: &[ModelStep]) -> Result<(), String> {
    let mut mundo = ModelWorld::new(&nodos.red, gente).await?;
    for (i, paso) in pasos.iter().enumerate() {
        mundo
            .step(paso)
            .await
            .map_err(|e| format!("paso {i}, {paso:?}: {e}"))?;
    }
    mundo.check_final_state().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_that_of_the_model_on_sqlite() {
    run(DbKind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_that_of_the_model_on_postgres() {
    run(DbKind::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_that_of_the_model_on_three_servers() {
    run(DbKind::Postgres, 3).await;
}
