//! A writer on a database of its own, and writes that misbehave in every way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::{
    Entorno, Fallo, Tx, Write,
    db::{con, opciones_sqlite},
    escritor::Escritor,
};

/// Stops a write in the middle, until the test lets it go on.
pub(super) struct Puerta {
    llego: Semaphore,
    abierta: Semaphore,
}

impl Puerta {
    pub(super) fn nueva() -> Arc<Self> {
        Arc::new(Self {
            llego: Semaphore::new(0),
            abierta: Semaphore::new(0),
        })
    }

    async fn pasa(&self) {
        self.llego.add_permits(1);
        self.abierta.acquire().await.unwrap().forget();
    }

    pub(super) async fn alguien_espera(&self) {
        let llego = tokio::time::timeout(Duration::from_secs(20), self.llego.acquire());
        llego
            .await
            .expect("nadie llegó a la puerta")
            .unwrap()
            .forget();
    }

    pub(super) fn abre(&self) {
        self.abierta.add_permits(1);
    }
}

/// What a write does between its two rows.
#[derive(Clone)]
pub(super) enum Hace {
    Nada,
    Falla,
    Panico,
    Espera(Arc<Puerta>),
    /// Refers to a row that does not exist: only COMMIT notices.
    Huerfana,
    /// One row too large: SQLite rolls back the whole transaction by itself.
    Enorme,
    /// Rows too many in one statement: SQLite rolls back that statement alone.
    Muchas,
}

#[derive(Clone)]
pub(super) struct Doble {
    n: i64,
    hace: Hace,
    corridas: Arc<AtomicU32>,
}

impl Doble {
    pub(super) fn nueva(n: i64, hace: Hace) -> Self {
        Self {
            n,
            hace,
            corridas: Arc::default(),
        }
    }

    fn corridas(&self) -> u32 {
        self.corridas.load(Ordering::Relaxed)
    }
}

impl Write for Doble {
    type Out = i64;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, Fallo> {
        self.corridas.fetch_add(1, Ordering::Relaxed);
        ejecuta(tx, "INSERT INTO ida (n) VALUES ($1)", self.n).await?;
        match &self.hace {
            Hace::Nada => {}
            Hace::Falla => return Err(Fallo::Dato(self.n.to_string())),
            Hace::Panico => panic!("a propósito"),
            Hace::Espera(puerta) => puerta.pasa().await,
            Hace::Huerfana => ejecuta(tx, "INSERT INTO hija (padre) VALUES (-$1)", self.n).await?,
            Hace::Enorme => {
                ejecuta(
                    tx,
                    "INSERT INTO bulto VALUES (zeroblob(4000000 + $1))",
                    self.n,
                )
                .await?;
            }
            Hace::Muchas => {
                let sql = "INSERT INTO bulto WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k
                    WHERE i < 4000) SELECT zeroblob(1000 + $1) FROM k";
                ejecuta(tx, sql, self.n).await?;
            }
        }
        ejecuta(tx, "INSERT INTO vuelta (n) VALUES ($1)", self.n).await?;
        Ok(self.n)
    }
}

async fn ejecuta(tx: &mut Tx<'_>, sql: &'static str, n: i64) -> Result<(), Fallo> {
    con!(tx.conn, c => sqlx::query(sql).bind(n).execute(&mut **c).await.map(drop))?;
    Ok(())
}

pub(super) struct Mesa {
    pub(super) escritor: Arc<Escritor>,
    pub(super) opciones: SqliteConnectOptions,
    _dir: TempDir,
}

impl Mesa {
    /// A database that may grow to about 2 MiB.
    pub(super) async fn nueva() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let opciones = opciones_sqlite(&dir.path().join("prueba.db"));
        let esquema = "CREATE TABLE ida (n INTEGER PRIMARY KEY);
            CREATE TABLE vuelta (n INTEGER PRIMARY KEY);
            CREATE TABLE bulto (b BLOB);
            CREATE TABLE hija (padre INTEGER REFERENCES ida (n) DEFERRABLE INITIALLY DEFERRED);";
        let mut conn = opciones.connect().await.unwrap();
        sqlx::raw_sql(esquema).execute(&mut conn).await.unwrap();
        let del_escritor = opciones
            .clone()
            .busy_timeout(OCUPADA)
            .pragma("max_page_count", "500");
        let escritor = Arc::new(Escritor::nuevo(del_escritor, Entorno::default()).unwrap());
        Self {
            escritor,
            opciones,
            _dir: dir,
        }
    }

    /// Queues a write. One thread runs everything, so the queue's order is that of the calls.
    pub(super) async fn encola(&self, op: &Doble) -> JoinHandle<Result<i64, Fallo>> {
        let (escritor, op) = (Arc::clone(&self.escritor), op.clone());
        let tarea = tokio::spawn(async move { escritor.escribir(op).await });
        tokio::task::yield_now().await;
        tarea
    }

    /// Queues writes while the writer is held by another, so that they come as one group.
    pub(super) async fn en_grupo(&self, ops: &[Doble]) -> Vec<JoinHandle<Result<i64, Fallo>>> {
        let puerta = Puerta::nueva();
        let tapon = Doble::nueva(TAPON + ops[0].n, Hace::Espera(Arc::clone(&puerta)));
        let tapon = self.encola(&tapon).await;
        puerta.alguien_espera().await;
        let mut tareas = Vec::new();
        for op in ops {
            tareas.push(self.encola(op).await);
        }
        puerta.abre();
        tapon.await.unwrap().unwrap();
        tareas
    }

    /// As another process sees it now: what is written, whole, in order.
    pub(super) async fn quedo(&self) -> Vec<i64> {
        let mut conn = self.opciones.connect().await.unwrap();
        let mut lee = async |sql: &'static str| -> Vec<i64> {
            sqlx::query_scalar(sql)
                .bind(TAPON)
                .fetch_all(&mut conn)
                .await
                .unwrap()
        };
        let ida = lee("SELECT n FROM ida WHERE n < $1 ORDER BY n").await;
        let vuelta = lee("SELECT n FROM vuelta WHERE n < $1 ORDER BY n").await;
        assert_eq!(ida, vuelta, "quedó media escritura");
        ida
    }
}

/// How long the writer waits for another process.
pub(super) const OCUPADA: Duration = Duration::from_millis(500);
/// From here on, the writes that hold the writer while a group gathers behind them.
const TAPON: i64 = 1_000_000;

pub(super) async fn respuestas(
    tareas: Vec<JoinHandle<Result<i64, Fallo>>>,
) -> Vec<Result<i64, String>> {
    let mut todas = Vec::new();
    for tarea in tareas {
        todas.push(tarea.await.unwrap().map_err(|e| e.to_string()));
    }
    todas
}

pub(super) fn corridas(ops: &[Doble]) -> Vec<u32> {
    ops.iter().map(Doble::corridas).collect()
}
