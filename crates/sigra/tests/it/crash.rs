//! The real program, killed and stopped while people write: what it acknowledged is there.

pub mod disk;
mod ledger;
mod no_database;
pub mod site;

use std::{sync::Arc, time::Duration};

use ledger::{Ledger, StopReason, check, new_ledgers, refresh_tokens, retry_unanswered, work_all};
use site::{ServerClient, ServerFixture};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use sigra_testkit::{DbKind, TestDb, iterations, random_below, reporte_in};

/// Nothing in these tests takes this long; a hang should fail and not stay.
const TIMEOUT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_survives_kill_9_sqlite() {
    kill_repeatedly(DbKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_survives_kill_9_postgres() {
    kill_repeatedly(DbKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sigterm_it_shuts_down_cleanly_sqlite() {
    stop_repeatedly(DbKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sigterm_it_shuts_down_cleanly_postgres() {
    stop_repeatedly(DbKind::Postgres).await;
}

/// People at work on a running server.
struct Workload {
    acuses: Arc<Semaphore>,
    trabajo: JoinHandle<(Vec<Ledger>, Vec<StopReason>)>,
}

impl Workload {
    fn begin(libros: Vec<Ledger>, sede: &ServerClient) -> Self {
        let acuses = Arc::new(Semaphore::new(0));
        let trabajo = tokio::spawn(work_all(libros, sede.clone(), Arc::clone(&acuses)));
        Self { acuses, trabajo }
    }

    /// Until so many things more have been acknowledged.
    async fn advance(&mut self, acuses: usize) {
        let acuses = u32::try_from(acuses).unwrap();
        tokio::select! {
            permisos = timeout(TIMEOUT, self.acuses.acquire_many(acuses)) => {
                permisos.expect("el trabajo avanza").unwrap().forget();
            }
            fin = &mut self.trabajo => panic!("dejaron de trabajar: {:?}", fin.unwrap().1),
        }
    }

    /// Once all of them have been stopped.
    async fn terminate(self) -> (Vec<Ledger>, Vec<StopReason>) {
        timeout(TIMEOUT, self.trabajo)
            .await
            .expect("todos se detienen")
            .unwrap()
    }
}

async fn kill_repeatedly(motor: DbKind) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let mut planta = ServerFixture::new(bd).await;
    let mut libros = new_ledgers(&planta);
    let mut sede = planta.start().await;
    let (mut primeras, mut dudas, mut hechas) = (Vec::new(), 0, 0);
    for _ in 0..iterations(50) {
        refresh_tokens(&mut libros, &planta);
        let mut faena = Workload::begin(libros, &sede);
        faena.advance(10 + random_below(100)).await;
        // The moment is what is tried here.
        sleep(Duration::from_micros(random_below(20_000) as u64)).await;
        planta.kill().await;
        let (mut todos, altos) = faena.terminate().await;
        assert!(
            altos.iter().all(|a| matches!(a, StopReason::Cortado(_))),
            "{altos:?}"
        );

        sede = planta.start().await;
        primeras.push(time_to_first_response(&sede).await);
        let (d, h) = check(&todos, &planta.bd).await;
        (dudas, hechas) = (dudas + d, hechas + h);
        planta.assert_consistent().await;
        refresh_tokens(&mut todos, &planta);
        retry_unanswered(&mut todos, &sede).await;
        assert_eq!(check(&todos, &planta.bd).await, (0, 0));
        libros = todos;
    }
    planta.assert_consistent().await;
    primeras.sort();
    let (mediana, peor) = (primeras[primeras.len() / 2], primeras[primeras.len() - 1]);
    println!(
        "{motor:?}: {} muertes, {} reportes, {dudas} en duda ({hechas} hechas), primera respuesta {mediana:?}, la peor {peor:?}",
        primeras.len(),
        planta.bd.query_i64("SELECT count(*) FROM reportes").await,
    );
    // The promise is one second; a machine that runs all the tests at once gets more.
    assert!(
        mediana < Duration::from_secs(1) && peor < Duration::from_secs(5),
        "{primeras:?}"
    );
    planta.finish().await;
}

/// How long it takes since it listens.
async fn time_to_first_response(sede: &ServerClient) -> Duration {
    let inicio = Instant::now();
    let r = sede.request("GET", "/catalogos").send().await;
    assert_eq!(r.status, 200, "{r:?}");
    inicio.elapsed()
}

async fn stop_repeatedly(motor: DbKind) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let mut planta = ServerFixture::new(bd).await;
    let mut libros = new_ledgers(&planta);
    for _ in 0..iterations(20) {
        let sede = planta.start().await;
        refresh_tokens(&mut libros, &planta);
        retry_unanswered(&mut libros, &sede).await;
        let mut faena = Workload::begin(libros, &sede);
        faena.advance(10 + random_below(100)).await;
        assert_clean_exit_in_time(&mut planta).await;
        let (todos, altos) = faena.terminate().await;
        assert!(
            altos.iter().all(|a| matches!(a, StopReason::Cortado(_))),
            "{altos:?}"
        );
        check(&todos, &planta.bd).await;
        planta.assert_consistent().await;
        libros = todos;
    }
    a_request_in_progress_is_finished(&mut planta).await;
    an_unfinished_request_does_not_prevent_the_shutdown(&mut planta).await;
    planta.finish().await;
}

async fn assert_clean_exit_in_time(planta: &mut ServerFixture) {
    let (fin, demora) = planta.terminate().await;
    assert!(fin.success(), "{fin:?}");
    assert!(demora < Duration::from_secs(10), "{demora:?}");
}

async fn a_request_in_progress_is_finished(planta: &mut ServerFixture) {
    let sede = planta.start().await;
    let (mut conexion, cuerpo) = half_sent_request(planta, &sede).await;
    planta.proceso.as_ref().unwrap().send_sigterm().await;
    let nadie_mas = async {
        while TcpStream::connect(sede.address()).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TIMEOUT, nadie_mas).await.expect("deja de escuchar");
    conexion.write_all(cuerpo.as_bytes()).await.unwrap();
    let mut respuesta = String::new();
    conexion.read_to_string(&mut respuesta).await.unwrap();
    assert!(respuesta.starts_with("HTTP/1.1 201 "), "{respuesta}");
    assert_clean_exit_in_time(planta).await;
}

async fn an_unfinished_request_does_not_prevent_the_shutdown(planta: &mut ServerFixture) {
    let sede = planta.start().await;
    let conexion = half_sent_request(planta, &sede).await;
    assert_clean_exit_in_time(planta).await;
    drop(conexion);
}

/// A request that the server has begun to read, and what it still lacks.
async fn half_sent_request(planta: &ServerFixture, sede: &ServerClient) -> (TcpStream, String) {
    let cuerpo = reporte_in(1).to_string();
    let cabeza = format!(
        "POST /reportes/ HTTP/1.1\r\nhost: sigra\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        planta.autores[0].token,
        cuerpo.len()
    );
    let mut conexion = TcpStream::connect(sede.address()).await.unwrap();
    conexion.write_all(cabeza.as_bytes()).await.unwrap();
    let mut sigue = [0; 25];
    conexion.read_exact(&mut sigue).await.unwrap();
    assert_eq!(&sigue, b"HTTP/1.1 100 Continue\r\n\r\n");
    (conexion, cuerpo)
}
