//! Random phones and random supervisors against a simple model: whatever is sent, lost, sent again,
//! reordered or brought back from an old backup, every answer is the model's, and in the end the
//! reports, their bitácora and what readers were told are too.
//!
//! What fails is made smaller by proptest before it is shown.

mod lectores;
mod mundo;
mod personas;
mod regla;

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};

use crate::arnes::{Bd, Motor, Nodos, Sitio, cuenta};
use mundo::{Gente, Mundo};
use regla::CAMPOS;

pub const TELEFONOS: usize = 4;

/// What happens to a batch on its way.
#[derive(Clone, Copy, Debug)]
enum Suerte {
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
enum Paso {
    /// A phone writes a report.
    Crea(usize),
    /// It edits one that it knows, from the version it knows.
    Edita(usize, usize, usize, u8),
    /// It sends the first so many of what it holds.
    Envia(usize, usize, Suerte),
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

fn paso() -> impl Strategy<Value = Paso> {
    let n = 0..1_000_usize;
    let suerte = prop_oneof![
        4 => Just(Suerte::Llega),
        2 => Just(Suerte::SinRespuesta),
        1 => Just(Suerte::DosVeces),
        1 => Just(Suerte::PorMitades),
    ];
    let version = prop_oneof![Just(None), (0..6_i64).prop_map(Some)];
    prop_oneof![
        4 => n.clone().prop_map(Paso::Crea),
        8 => (n.clone(), n.clone(), 0..CAMPOS, 0..3_u8).prop_map(|(t, r, c, v)| Paso::Edita(t, r, c, v)),
        8 => (n.clone(), 1..8_usize, suerte).prop_map(|(t, k, s)| Paso::Envia(t, k, s)),
        3 => (n.clone(), n.clone()).prop_map(|(t, k)| Paso::Repite(t, k)),
        1 => (n.clone(), n.clone()).prop_map(|(t, k)| Paso::Reordena(t, k)),
        1 => n.clone().prop_map(Paso::Respalda),
        1 => n.clone().prop_map(Paso::Vuelve),
        1 => (n.clone(), n.clone()).prop_map(|(t, r)| Paso::Suplanta(t, r)),
        2 => (n.clone(), n.clone(), 0..3_u8, version).prop_map(|(t, r, v, b)| Paso::Inventa(t, r, v, b)),
        4 => (n.clone(), 0..CAMPOS, 0..3_u8).prop_map(|(r, c, v)| Paso::Cambia(r, c, v)),
        1 => n.clone().prop_map(Paso::Decide),
        1 => n.clone().prop_map(Paso::Retira),
        2 => (n.clone(), 0..3_usize, 0..2_u8).prop_map(|(c, d, l)| Paso::Resuelve(c, d, l)),
        2 => (n, 1..5_usize).prop_map(|(l, k)| Paso::Lee(l, k)),
    ]
}

async fn corre(motor: Motor, procesos: usize) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let sitio = Sitio::nuevo(bd).await;
    let mut telefonos = vec![];
    for _ in 0..TELEFONOS - 1 {
        telefonos.push(sitio.trabajador().await);
    }
    // Two phones of one person.
    telefonos.push(telefonos[0].clone());
    let gente = Gente {
        telefonos,
        jefa: sitio.administrador().await,
        lectores: vec![
            sitio.supervisor(&[1]).await,
            sitio.supervisor(&[2, 3]).await,
        ],
    };
    let nodos = Nodos::nuevos(sitio.cierra().await, procesos).await;
    let handle = tokio::runtime::Handle::current();
    let config = Config {
        cases: u32::try_from(cuenta(200)).unwrap(),
        max_shrink_iters: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let pasos = std::cell::Cell::new(0);
    let resultado = tokio::task::block_in_place(|| {
        runner.run(&prop::collection::vec(paso(), 1..80), |dados| {
            pasos.set(pasos.get() + dados.len());
            handle
                .block_on(caso(&nodos, &gente, &dados))
                .map_err(TestCaseError::fail)
        })
    });
    println!("{motor:?} con {procesos}: {} pasos", pasos.get());
    if let Err(e) = resultado {
        panic!("{e}");
    }
    let bd = nodos.cierra().await;
    bd.filas_completas().await;
    Sitio::nuevo(bd).await.en_orden_y_fuera().await;
}

async fn caso(nodos: &Nodos, gente: &Gente, pasos: &[Paso]) -> Result<(), String> {
    let mut mundo = Mundo::nuevo(&nodos.red, gente).await?;
    for (i, paso) in pasos.iter().enumerate() {
        mundo
            .da(paso)
            .await
            .map_err(|e| format!("paso {i}, {paso:?}: {e}"))?;
    }
    mundo.al_final().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn toda_respuesta_es_la_del_modelo_sqlite() {
    corre(Motor::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn toda_respuesta_es_la_del_modelo_postgres() {
    corre(Motor::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn toda_respuesta_es_la_del_modelo_en_tres_servidores() {
    corre(Motor::Postgres, 3).await;
}
