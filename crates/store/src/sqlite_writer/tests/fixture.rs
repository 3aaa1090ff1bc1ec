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
    Env, StoreError, Tx, Write,
    db::{sqlite_options, with_conn},
    sqlite_writer::SqliteWriter,
};

/// Stops a write in the middle, until the test lets it go on.
pub(super) struct Gate {
    llego: Semaphore,
    abierta: Semaphore,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            llego: Semaphore::new(0),
            abierta: Semaphore::new(0),
        })
    }

    async fn pass(&self) {
        self.llego.add_permits(1);
        self.abierta.acquire().await.unwrap().forget();
    }

    pub(super) async fn wait_for_arrival(&self) {
        let llego = tokio::time::timeout(Duration::from_secs(20), self.llego.acquire());
        llego
            .await
            .expect("nadie llegó a la puerta")
            .unwrap()
            .forget();
    }

    pub(super) fn open(&self) {
        self.abierta.add_permits(1);
    }
}

/// What a write does between its two rows.
#[derive(Clone)]
pub(super) enum WriteBehavior {
    Nada,
    Falla,
    Panico,
    Espera(Arc<Gate>),
    /// Refers to a row that does not exist: only COMMIT notices.
    Huerfana,
    /// One row too large: SQLite rolls back the whole transaction by itself.
    Enorme,
    /// Rows too many in one statement: SQLite rolls back that statement alone.
    Muchas,
}

#[derive(Clone)]
pub(super) struct TestWrite {
    n: i64,
    hace: WriteBehavior,
    corridas: Arc<AtomicU32>,
}

impl TestWrite {
    pub(super) fn new(n: i64, hace: WriteBehavior) -> Self {
        Self {
            n,
            hace,
            corridas: Arc::default(),
        }
    }

    fn runs(&self) -> u32 {
        self.corridas.load(Ordering::Relaxed)
    }
}

impl Write for TestWrite {
    type Out = i64;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, StoreError> {
        self.corridas.fetch_add(1, Ordering::Relaxed);
        run_sql(tx, "INSERT INTO ida (n) VALUES ($1)", self.n).await?;
        match &self.hace {
            WriteBehavior::Nada => {}
            WriteBehavior::Falla => return Err(StoreError::Dato(self.n.to_string())),
            WriteBehavior::Panico => panic!("a propósito"),
            WriteBehavior::Espera(gate) => gate.pass().await,
            WriteBehavior::Huerfana => {
                run_sql(tx, "INSERT INTO hija (padre) VALUES (-$1)", self.n).await?;
            }
            WriteBehavior::Enorme => {
                run_sql(
                    tx,
                    "INSERT INTO bulto VALUES (zeroblob(4000000 + $1))",
                    self.n,
                )
                .await?;
            }
            WriteBehavior::Muchas => {
                let sql = "INSERT INTO bulto WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k
                    WHERE i < 4000) SELECT zeroblob(1000 + $1) FROM k";
                run_sql(tx, sql, self.n).await?;
            }
        }
        run_sql(tx, "INSERT INTO vuelta (n) VALUES ($1)", self.n).await?;
        Ok(self.n)
    }
}

async fn run_sql(tx: &mut Tx<'_>, sql: &'static str, n: i64) -> Result<(), StoreError> {
    with_conn!(tx.conn, c => sqlx::query(sql).bind(n).execute(&mut **c).await.map(drop))?;
    Ok(())
}

pub(super) struct TestWriter {
    pub(super) writer: Arc<SqliteWriter>,
    pub(super) opciones: SqliteConnectOptions,
    _dir: TempDir,
}

impl TestWriter {
    /// A database that may grow to about 2 MiB.
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let opciones = sqlite_options(&dir.path().join("prueba.db"));
        let esquema = "CREATE TABLE ida (n INTEGER PRIMARY KEY);
            CREATE TABLE vuelta (n INTEGER PRIMARY KEY);
            CREATE TABLE bulto (b BLOB);
            CREATE TABLE hija (padre INTEGER REFERENCES ida (n) DEFERRABLE INITIALLY DEFERRED);";
        let mut conn = opciones.connect().await.unwrap();
        sqlx::raw_sql(esquema).execute(&mut conn).await.unwrap();
        let del_writer = opciones
            .clone()
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("max_page_count", "500");
        let writer = Arc::new(SqliteWriter::new(del_writer, Env::default()).unwrap());
        Self {
            writer,
            opciones,
            _dir: dir,
        }
    }

    /// Queues a write. One thread runs everything, so the queue's order is that of the calls.
    pub(super) async fn enqueue(&self, op: &TestWrite) -> JoinHandle<Result<i64, StoreError>> {
        let (writer, op) = (Arc::clone(&self.writer), op.clone());
        let tarea = tokio::spawn(async move { writer.write(op).await });
        tokio::task::yield_now().await;
        tarea
    }

    /// Queues writes while the writer is held by another, so that they come as one group.
    pub(super) async fn run_in_group(
        &self,
        ops: &[TestWrite],
    ) -> Vec<JoinHandle<Result<i64, StoreError>>> {
        let gate = Gate::new();
        let tapon = TestWrite::new(
            BLOCKER_ID + ops[0].n,
            WriteBehavior::Espera(Arc::clone(&gate)),
        );
        let tapon = self.enqueue(&tapon).await;
        gate.wait_for_arrival().await;
        let mut tareas = Vec::new();
        for op in ops {
            tareas.push(self.enqueue(op).await);
        }
        gate.open();
        tapon.await.unwrap().unwrap();
        tareas
    }

    /// As another process sees it now: what is written, whole, in order.
    pub(super) async fn committed(&self) -> Vec<i64> {
        let mut conn = self.opciones.connect().await.unwrap();
        let mut lee = async |sql: &'static str| -> Vec<i64> {
            sqlx::query_scalar(sql)
                .bind(BLOCKER_ID)
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
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// From here on, the writes that hold the writer while a group gathers behind them.
const BLOCKER_ID: i64 = 1_000_000;

pub(super) async fn await_results(
    tareas: Vec<JoinHandle<Result<i64, StoreError>>>,
) -> Vec<Result<i64, String>> {
    let mut todas = Vec::new();
    for tarea in tareas {
        todas.push(tarea.await.unwrap().map_err(|e| e.to_string()));
    }
    todas
}

pub(super) fn runs(ops: &[TestWrite]) -> Vec<u32> {
    ops.iter().map(TestWrite::runs).collect()
}
