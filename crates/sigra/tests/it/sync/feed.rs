//! The change feed under fire: many writers with slow transactions, readers that page at random, and
//! servers that die. Every committed change reaches each reader who may see it.

mod escritores;
mod lectores;
mod verdad;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::arnes::{Bd, Motor, Nodos, Red, Sitio, cuenta, dado};

const ESCRITORES: usize = 16;
const MUERTES: usize = 3;
/// Nothing here takes this long; a hang should fail and not stay.
const PLAZO: Duration = Duration::from_mins(10);

/// What writers and readers share.
struct Comun {
    red: Red,
    /// Changes that were acknowledged so far, and how many shall be.
    hechos: watch::Sender<usize>,
    meta: usize,
    /// Goes up when a server dies and when it is back.
    muertes: AtomicUsize,
    /// No writer is left.
    basta: AtomicBool,
    /// When each version of a report was acknowledged, and how many deaths there had been.
    acuses: Mutex<HashMap<(String, i64), (Instant, usize)>>,
}

impl Comun {
    fn anota(&self, uuid: &str, version: i64) {
        self.hechos.send_modify(|n| *n += 1);
        let acuse = (Instant::now(), self.muertes.load(Ordering::Relaxed));
        let mut acuses = self.acuses.lock().unwrap();
        acuses.insert((uuid.to_owned(), version), acuse);
    }

    /// How long ago a version was acknowledged, if no server has died since: who has nobody to ask
    /// waits for longer.
    fn demora(&self, uuid: &str, version: i64) -> Option<Duration> {
        let acuses = self.acuses.lock().unwrap();
        let (en, muertes) = *acuses.get(&(uuid.to_owned(), version))?;
        (muertes == self.muertes.load(Ordering::Relaxed)).then(|| en.elapsed())
    }

    fn falta(&self) -> bool {
        *self.hechos.borrow() < self.meta
    }
}

/// Before a transaction of PostgreSQL commits, when its feed rows have their numbers and nobody sees
/// them yet, it waits for up to 200 ms: on average once in ten rows.
const PAUSAS: &str = "
    CREATE FUNCTION pausa() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(random() * 0.2); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER pausa AFTER INSERT ON cambios DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.marca % 10 = 0) EXECUTE FUNCTION pausa()";

/// One at a time: each takes all of the machine, and how late a reader hears is measured.
static TURNO: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn corre(motor: Motor, procesos: usize) {
    let _turno = TURNO.lock().await;
    let Some(bd) = Bd::nueva(motor).await else {
        return;
    };
    let sitio = Sitio::nuevo(bd).await;
    let mut autores = Vec::new();
    for _ in 0..ESCRITORES {
        autores.push(sitio.trabajador().await);
    }
    let jefe = sitio.administrador().await;
    let lectores = [
        jefe.clone(),
        sitio.supervisor(&[1, 2]).await,
        sitio.supervisor(&[3]).await,
        autores[0].clone(),
    ];
    let bd = sitio.cierra().await;
    if motor == Motor::Postgres {
        bd.sql(PAUSAS).await.expect("pausas");
    }
    let mut nodos = Nodos::nuevos(bd, procesos).await;
    let comun = Arc::new(Comun {
        red: nodos.red.clone(),
        hechos: watch::Sender::new(0),
        meta: cuenta(100_000).max(20_000),
        muertes: AtomicUsize::new(0),
        basta: AtomicBool::new(false),
        acuses: Mutex::default(),
    });
    let leen: Vec<_> = lectores
        .iter()
        .map(|l| tokio::spawn(lectores::lee(Arc::clone(&comun), l.clone())))
        .collect();
    let escriben: Vec<_> = autores
        .iter()
        .map(|a| tokio::spawn(escritores::escribe(Arc::clone(&comun), a.clone())))
        .chain([tokio::spawn(escritores::decide(Arc::clone(&comun), jefe))])
        .collect();
    let mut hechos = comun.hechos.subscribe();
    for n in 1..=MUERTES {
        let cuando = comun.meta * n / (MUERTES + 1);
        timeout(PLAZO, hechos.wait_for(|h| *h >= cuando))
            .await
            .expect("escriben")
            .unwrap();
        let nodo = dado(procesos);
        comun.muertes.fetch_add(1, Ordering::Relaxed);
        nodos.mata(nodo).await;
        nodos.arranca(nodo).await;
        comun.muertes.fetch_add(1, Ordering::Relaxed);
    }
    for e in escriben {
        timeout(PLAZO, e).await.expect("escriben").unwrap();
    }
    comun.basta.store(true, Ordering::Relaxed);
    let mut leidos = Vec::new();
    for l in leen {
        leidos.push(timeout(PLAZO, l).await.expect("leen").unwrap());
    }
    let bd = nodos.cierra().await;
    let verdad = verdad::Verdad::de(&bd).await;
    for (lector, leido) in lectores.iter().zip(&leidos) {
        verdad.comprueba(lector, leido);
    }
    bd.filas_completas().await;
    bd.borra().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nadie_se_pierde_un_cambio_sqlite() {
    corre(Motor::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nadie_se_pierde_un_cambio_postgres() {
    corre(Motor::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nadie_se_pierde_un_cambio_en_tres_servidores() {
    corre(Motor::Postgres, 3).await;
}
