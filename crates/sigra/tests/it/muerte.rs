//! The real program, killed and stopped while people write: what it acknowledged is there.

pub mod disco;
mod libro;
pub mod planta;
mod sin_base;

use std::{sync::Arc, time::Duration};

use libro::{Alto, Libro, comprueba, libros, renueva, repite, trabajan};
use planta::{Planta, Sede};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::arnes::{Bd, Motor, cuenta, dado, reporte_en};

/// Nothing in these tests takes this long; a hang should fail and not stay.
const PLAZO: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lo_confirmado_sobrevive_a_kill_9_sqlite() {
    muere(Motor::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lo_confirmado_sobrevive_a_kill_9_postgres() {
    muere(Motor::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_sigterm_se_detiene_en_orden_sqlite() {
    se_detiene(Motor::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_sigterm_se_detiene_en_orden_postgres() {
    se_detiene(Motor::Postgres).await;
}

/// People at work on a running server.
struct Faena {
    acuses: Arc<Semaphore>,
    trabajo: JoinHandle<(Vec<Libro>, Vec<Alto>)>,
}

impl Faena {
    fn empieza(libros: Vec<Libro>, sede: &Sede) -> Self {
        let acuses = Arc::new(Semaphore::new(0));
        let trabajo = tokio::spawn(trabajan(libros, sede.clone(), Arc::clone(&acuses)));
        Self { acuses, trabajo }
    }

    /// Until so many things more have been acknowledged.
    async fn avanza(&mut self, acuses: usize) {
        let acuses = u32::try_from(acuses).unwrap();
        tokio::select! {
            permisos = timeout(PLAZO, self.acuses.acquire_many(acuses)) => {
                permisos.expect("el trabajo avanza").unwrap().forget();
            }
            fin = &mut self.trabajo => panic!("dejaron de trabajar: {:?}", fin.unwrap().1),
        }
    }

    /// Once all of them have been stopped.
    async fn termina(self) -> (Vec<Libro>, Vec<Alto>) {
        timeout(PLAZO, self.trabajo)
            .await
            .expect("todos se detienen")
            .unwrap()
    }
}

async fn muere(motor: Motor) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let mut planta = Planta::nueva(bd).await;
    let mut libros = libros(&planta);
    let mut sede = planta.arranca().await;
    let (mut primeras, mut dudas, mut hechas) = (Vec::new(), 0, 0);
    for _ in 0..cuenta(50) {
        renueva(&mut libros, &planta);
        let mut faena = Faena::empieza(libros, &sede);
        faena.avanza(10 + dado(100)).await;
        // The moment is what is tried here.
        sleep(Duration::from_micros(dado(20_000) as u64)).await;
        planta.mata().await;
        let (mut todos, altos) = faena.termina().await;
        assert!(
            altos.iter().all(|a| matches!(a, Alto::Cortado(_))),
            "{altos:?}"
        );

        sede = planta.arranca().await;
        primeras.push(primera_respuesta(&sede).await);
        let (d, h) = comprueba(&todos, &planta.bd).await;
        (dudas, hechas) = (dudas + d, hechas + h);
        planta.en_orden().await;
        renueva(&mut todos, &planta);
        repite(&mut todos, &sede).await;
        assert_eq!(comprueba(&todos, &planta.bd).await, (0, 0));
        libros = todos;
    }
    planta.en_orden().await;
    primeras.sort();
    let (mediana, peor) = (primeras[primeras.len() / 2], primeras[primeras.len() - 1]);
    println!(
        "{motor:?}: {} muertes, {} reportes, {dudas} en duda ({hechas} hechas), primera respuesta {mediana:?}, la peor {peor:?}",
        primeras.len(),
        planta.bd.entero("SELECT count(*) FROM reportes").await,
    );
    // The promise is one second; a machine that runs all the tests at once gets more.
    assert!(
        mediana < Duration::from_secs(1) && peor < Duration::from_secs(5),
        "{primeras:?}"
    );
    planta.fin().await;
}

/// How long it takes since it listens.
async fn primera_respuesta(sede: &Sede) -> Duration {
    let inicio = Instant::now();
    let r = sede.pide("GET", "/catalogos").envia().await;
    assert_eq!(r.status, 200, "{r:?}");
    inicio.elapsed()
}

async fn se_detiene(motor: Motor) {
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let mut planta = Planta::nueva(bd).await;
    let mut libros = libros(&planta);
    for _ in 0..cuenta(20) {
        let sede = planta.arranca().await;
        renueva(&mut libros, &planta);
        repite(&mut libros, &sede).await;
        let mut faena = Faena::empieza(libros, &sede);
        faena.avanza(10 + dado(100)).await;
        en_orden_y_a_tiempo(&mut planta).await;
        let (todos, altos) = faena.termina().await;
        assert!(
            altos.iter().all(|a| matches!(a, Alto::Cortado(_))),
            "{altos:?}"
        );
        comprueba(&todos, &planta.bd).await;
        planta.en_orden().await;
        libros = todos;
    }
    quien_estaba_a_medias_termina(&mut planta).await;
    quien_no_termina_no_lo_impide(&mut planta).await;
    planta.fin().await;
}

async fn en_orden_y_a_tiempo(planta: &mut Planta) {
    let (fin, demora) = planta.termina().await;
    assert!(fin.success(), "{fin:?}");
    assert!(demora < Duration::from_secs(10), "{demora:?}");
}

async fn quien_estaba_a_medias_termina(planta: &mut Planta) {
    let sede = planta.arranca().await;
    let (mut conexion, cuerpo) = a_medias(planta, &sede).await;
    planta.proceso.as_ref().unwrap().pide_alto().await;
    let nadie_mas = async {
        while TcpStream::connect(sede.direccion()).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PLAZO, nadie_mas).await.expect("deja de escuchar");
    conexion.write_all(cuerpo.as_bytes()).await.unwrap();
    let mut respuesta = String::new();
    conexion.read_to_string(&mut respuesta).await.unwrap();
    assert!(respuesta.starts_with("HTTP/1.1 201 "), "{respuesta}");
    en_orden_y_a_tiempo(planta).await;
}

async fn quien_no_termina_no_lo_impide(planta: &mut Planta) {
    let sede = planta.arranca().await;
    let conexion = a_medias(planta, &sede).await;
    en_orden_y_a_tiempo(planta).await;
    drop(conexion);
}

/// A request that the server has begun to read, and what it still lacks.
async fn a_medias(planta: &Planta, sede: &Sede) -> (TcpStream, String) {
    let cuerpo = reporte_en(1).to_string();
    let cabeza = format!(
        "POST /reportes/ HTTP/1.1\r\nhost: sigra\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        planta.autores[0].token,
        cuerpo.len()
    );
    let mut conexion = TcpStream::connect(sede.direccion()).await.unwrap();
    conexion.write_all(cabeza.as_bytes()).await.unwrap();
    let mut sigue = [0; 25];
    conexion.read_exact(&mut sigue).await.unwrap();
    assert_eq!(&sigue, b"HTTP/1.1 100 Continue\r\n\r\n");
    (conexion, cuerpo)
}
