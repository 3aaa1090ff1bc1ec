//! The change feed under fire: many writers with slow transactions, readers that page at random, and
//! servers that die. Every committed change reaches each reader who may see it.

mod readers;
mod truth;
mod writers;

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

use sigra_testkit::{DbKind, NodeClients, Nodes, TestDb, TestSite, iterations, random_below};

const WRITERS: usize = 16;
const KILLS: usize = 3;
/// Nothing here takes this long; a hang should fail and not stay.
const TIMEOUT: Duration = Duration::from_mins(10);

/// What writers and readers share.
struct SharedState {
    red: NodeClients,
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

impl SharedState {
    fn record(&self, uuid: &str, version: i64) {
        self.hechos.send_modify(|n| *n += 1);
        let acuse = (Instant::now(), self.muertes.load(Ordering::Relaxed));
        let mut acuses = self.acuses.lock().unwrap();
        acuses.insert((uuid.to_owned(), version), acuse);
    }

    /// How long ago a version was acknowledged, if no server has died since: who has nobody to ask
    /// waits for longer.
    fn delay_since_ack(&self, uuid: &str, version: i64) -> Option<Duration> {
        let acuses = self.acuses.lock().unwrap();
        let (en, muertes) = *acuses.get(&(uuid.to_owned(), version))?;
        (muertes == self.muertes.load(Ordering::Relaxed)).then(|| en.elapsed())
    }

    fn unfinished(&self) -> bool {
        *self.hechos.borrow() < self.meta
    }
}

/// Before a transaction of PostgreSQL commits, when its feed rows have their numbers and nobody sees
/// them yet, it waits for up to 200 ms: on average once in ten rows.
const PAUSE_BEFORE_COMMIT: &str = "
    CREATE FUNCTION pausa() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(random() * 0.2); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER pausa AFTER INSERT ON cambios DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.marca % 10 = 0) EXECUTE FUNCTION pausa()";

/// One at a time: each takes all of the machine, and how late a reader hears is measured.
static TEST_LOCK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn run(motor: DbKind, procesos: usize) {
    let _turno = TEST_LOCK.lock().await;
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let sitio = TestSite::new(bd).await;
    let mut autores = Vec::new();
    for _ in 0..WRITERS {
        autores.push(sitio.trabajador().await);
    }
    let jefe = sitio.administrador().await;
    let lectores = [
        jefe.clone(),
        sitio.supervisor(&[1, 2]).await,
        sitio.supervisor(&[3]).await,
        autores[0].clone(),
    ];
    let bd = sitio.close().await;
    if motor == DbKind::Postgres {
        bd.sql(PAUSE_BEFORE_COMMIT).await.expect("pausas");
    }
    let mut nodos = Nodes::new(bd, procesos).await;
    let comun = Arc::new(SharedState {
        red: nodos.red.clone(),
        hechos: watch::Sender::new(0),
        meta: iterations(100_000).max(20_000),
        muertes: AtomicUsize::new(0),
        basta: AtomicBool::new(false),
        acuses: Mutex::default(),
    });
    let leen: Vec<_> = lectores
        .iter()
        .map(|l| tokio::spawn(readers::read(Arc::clone(&comun), l.clone())))
        .collect();
    let escriben: Vec<_> = autores
        .iter()
        .map(|a| tokio::spawn(writers::write(Arc::clone(&comun), a.clone())))
        .chain([tokio::spawn(writers::decide(Arc::clone(&comun), jefe))])
        .collect();
    let mut hechos = comun.hechos.subscribe();
    for n in 1..=KILLS {
        let cuando = comun.meta * n / (KILLS + 1);
        timeout(TIMEOUT, hechos.wait_for(|h| *h >= cuando))
            .await
            .expect("escriben")
            .unwrap();
        let nodo = random_below(procesos);
        comun.muertes.fetch_add(1, Ordering::Relaxed);
        nodos.kill(nodo).await;
        nodos.start(nodo).await;
        comun.muertes.fetch_add(1, Ordering::Relaxed);
    }
    for e in escriben {
        timeout(TIMEOUT, e).await.expect("escriben").unwrap();
    }
    comun.basta.store(true, Ordering::Relaxed);
    let mut leidos = Vec::new();
    for l in leen {
        leidos.push(timeout(TIMEOUT, l).await.expect("leen").unwrap());
    }
    let bd = nodos.close().await;
    let verdad = truth::GroundTruth::load(&bd).await;
    for (lector, leido) in lectores.iter().zip(&leidos) {
        verdad.check(lector, leido);
    }
    bd.assert_rows_complete().await;
    bd.delete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_misses_a_change_on_sqlite() {
    run(DbKind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_misses_a_change_on_postgres() {
    run(DbKind::Postgres, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_misses_a_change_on_three_servers() {
    run(DbKind::Postgres, 3).await;
}
