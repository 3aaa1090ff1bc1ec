//! SQLite's one writer, which groups the commits of concurrent requests into one fsync.
//!
//! No answer leaves before the group's COMMIT: an answer may rest on what a neighbour wrote. A group
//! runs first as one plain transaction, since most groups have nobody to refuse. When a member is
//! refused, all of it is undone and runs again with a savepoint for each member, so that only the
//! refused one is rolled back. When the group as a whole is lost (the disk is full, say), its members
//! run again one by one, so that each hears its own fate.
//!
//! The writer has a thread of its own: as a task it would wait for its turn among all requests after
//! every statement, and whoever waits for the fsync would wait longer.

mod checkpoint;

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt as _, future::BoxFuture};
use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use crate::{Env, FromStoreError, StoreError, Tx, Write, db::Conn};
use checkpoint::Checkpointer;
pub(crate) use checkpoint::MAX_WAL_PAGES;

/// Requests that may wait for the writer; beyond it they wait for a place.
const QUEUE_CAPACITY: usize = 1_024;
/// Requests that share one fsync. More adds latency and hardly any speed.
const MAX_GROUP: usize = 128;

/// The way to the writer.
pub(crate) struct SqliteWriter {
    cola: mpsc::Sender<Box<dyn ErasedWrite>>,
}

impl SqliteWriter {
    /// Starts the writer's thread. It ends when the last way to it is gone, or after
    /// [`SqliteWriter::close`].
    pub(crate) fn new(opciones: SqliteConnectOptions, env: Env) -> Result<Self, StoreError> {
        let (cola, queued_writes) = mpsc::channel(QUEUE_CAPACITY);
        let writer_loop = WriterLoop {
            checkpointer: Checkpointer::new(opciones.clone()),
            opciones,
            env,
            conn: None,
            hubo_rechazos: false,
        };
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("sigra-escritor".into())
            .spawn(move || runtime.block_on(writer_loop.run(queued_writes)))
            .map_err(|e| StoreError::NoDisponible(sqlx::Error::Io(e)))?;
        Ok(Self { cola })
    }

    pub(crate) async fn write<W: Write>(&self, op: W) -> Result<W::Out, W::Err> {
        let (tx, rx) = oneshot::channel();
        let request = QueuedWrite {
            op,
            resultado: None,
            respuesta: tx,
        };
        if self.cola.send(Box::new(request)).await.is_err() {
            return Err(StoreError::NoDisponible(sqlx::Error::PoolClosed).into());
        }
        rx.await
            .unwrap_or_else(|_| Err(StoreError::Interno("una escritura se interrumpió").into()))
    }

    /// Waits for what is queued and for the end of the writer, whose connection is closed then.
    pub(crate) async fn close(&self) {
        if self.cola.send(Box::new(StopWriter)).await.is_ok() {
            self.cola.closed().await;
        }
    }
}

/// A queued write whose types are erased.
trait ErasedWrite: Send {
    /// Runs it, keeps the result and says whether its writes stay.
    fn run<'a, 'c: 'a>(&'a mut self, tx: &'a mut Tx<'c>) -> BoxFuture<'a, bool>;
    /// Replaces the result by a failure.
    fn fail(&mut self, failure: StoreError);
    /// Sends the result to whoever still waits for it.
    fn respond(self: Box<Self>);
    /// Whether it failed for lack of space.
    fn is_out_of_space(&self) -> bool {
        false
    }
    /// The last one the writer takes.
    fn is_end(&self) -> bool {
        false
    }
}

struct QueuedWrite<W: Write> {
    op: W,
    resultado: Option<Result<W::Out, W::Err>>,
    respuesta: oneshot::Sender<Result<W::Out, W::Err>>,
}

impl<W: Write> ErasedWrite for QueuedWrite<W> {
    fn run<'a, 'c: 'a>(&'a mut self, tx: &'a mut Tx<'c>) -> BoxFuture<'a, bool> {
        async move {
            // A defect in one request must not end the writer for all.
            let resultado = AssertUnwindSafe(self.op.run(tx))
                .catch_unwind()
                .await
                .unwrap_or_else(
                    |_| Err(StoreError::Interno("una escritura se interrumpió").into()),
                );
            let queda = resultado.is_ok();
            self.resultado = Some(resultado);
            queda
        }
        .boxed()
    }

    fn fail(&mut self, failure: StoreError) {
        self.resultado = Some(Err(failure.into()));
    }

    fn is_out_of_space(&self) -> bool {
        let rechazo = self.resultado.as_ref().and_then(|r| r.as_ref().err());
        matches!(
            rechazo.and_then(FromStoreError::store_error),
            Some(StoreError::Lleno(_))
        )
    }

    fn respond(self: Box<Self>) {
        if let Some(resultado) = self.resultado {
            self.respuesta.send(resultado).ok();
        }
    }
}

struct StopWriter;

impl ErasedWrite for StopWriter {
    fn run<'a, 'c: 'a>(&'a mut self, _: &'a mut Tx<'c>) -> BoxFuture<'a, bool> {
        async { true }.boxed()
    }
    fn fail(&mut self, _: StoreError) {}
    fn respond(self: Box<Self>) {}
    fn is_end(&self) -> bool {
        true
    }
}

/// The group's transaction no longer exists.
struct GroupLost(sqlx::Error);

/// SQLITE_BUSY, which only BEGIN can meet: no member has run.
fn is_busy(error: &sqlx::Error) -> bool {
    let codigo = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    codigo
        .and_then(|c| c.parse::<i32>().ok())
        .is_some_and(|c| c & 0xff == 5)
}

struct WriterLoop {
    checkpointer: Checkpointer,
    opciones: SqliteConnectOptions,
    env: Env,
    /// Opened when first needed and again after a failure that left its state unsure.
    conn: Option<SqliteConnection>,
    /// Refusals come in swarms (a phone that sends an old backup): the group after one begins with
    /// savepoints.
    hubo_rechazos: bool,
}

impl WriterLoop {
    async fn run(mut self, mut queued_writes: mpsc::Receiver<Box<dyn ErasedWrite>>) {
        let mut group = Vec::with_capacity(MAX_GROUP);
        while queued_writes.recv_many(&mut group, MAX_GROUP).await > 0 {
            let fin = group.iter().any(|t| t.is_end());
            if group.len() == 1 {
                self.run_one(&mut *group[0]).await;
            } else if let Err(GroupLost(error)) = self.run_all(&mut group).await {
                let ocupada = is_busy(&error);
                tracing::warn!(%error, miembros = group.len(), ocupada, "grupo de escrituras perdido");
                for queued in &mut group {
                    if ocupada {
                        // Another process holds the file: each alone would wait as long again.
                        queued.fail(StoreError::NoDisponible(sqlx::Error::PoolTimedOut));
                    } else {
                        self.run_one(&mut **queued).await;
                    }
                }
            }
            if group.iter().any(|t| t.is_out_of_space()) && self.free_space().await {
                for queued in group.iter_mut().filter(|t| t.is_out_of_space()) {
                    self.run_one(&mut **queued).await;
                }
            }
            for queued in group.drain(..) {
                queued.respond();
            }
            self.checkpointer.committed();
            if fin {
                break;
            }
        }
        if let Some(conn) = self.conn.take() {
            conn.close().await.ok();
        }
        self.checkpointer.close().await;
    }

    /// One transaction for the group.
    async fn run_all(&mut self, group: &mut [Box<dyn ErasedWrite>]) -> Result<(), GroupLost> {
        let resultado = self.run_in_group(group).await;
        if resultado.is_err() {
            self.discard_connection().await;
        }
        resultado.map_err(GroupLost)
    }

    async fn run_in_group(
        &mut self,
        group: &mut [Box<dyn ErasedWrite>],
    ) -> Result<(), sqlx::Error> {
        if self.hubo_rechazos || !self.run_without_savepoints(group).await? {
            self.hubo_rechazos = self.run_in_savepoints(group).await?;
        }
        Ok(())
    }

    /// Whether all were accepted, and are durable; otherwise nothing of the group is left.
    async fn run_without_savepoints(
        &mut self,
        group: &mut [Box<dyn ErasedWrite>],
    ) -> Result<bool, sqlx::Error> {
        let (conn, env) = self.ensure_open().await?;
        conn.execute("BEGIN IMMEDIATE").await?;
        for queued in group {
            if !queued.run(&mut Tx::new(Conn::Sqlite(conn), env)).await {
                // Fails when SQLite rolled back the whole transaction by itself.
                conn.execute("ROLLBACK").await?;
                return Ok(false);
            }
        }
        conn.execute("COMMIT").await?;
        Ok(true)
    }

    /// A savepoint for each member, which costs one more trip each. Answers whether somebody was
    /// refused.
    async fn run_in_savepoints(
        &mut self,
        group: &mut [Box<dyn ErasedWrite>],
    ) -> Result<bool, sqlx::Error> {
        let (conn, env) = self.ensure_open().await?;
        // Statements go two in one call where they can: each call is a trip to the connection's thread.
        conn.execute("BEGIN IMMEDIATE; SAVEPOINT miembro").await?;
        let mut rechazos = false;
        for queued in group {
            if !queued.run(&mut Tx::new(Conn::Sqlite(conn), env)).await {
                rechazos = true;
                // Fails when SQLite rolled back the whole transaction by itself.
                conn.execute("ROLLBACK TO miembro").await?;
            }
            conn.execute("RELEASE miembro; SAVEPOINT miembro").await?;
        }
        conn.execute("COMMIT").await?;
        Ok(rechazos)
    }

    /// One member in a transaction of its own.
    async fn run_one(&mut self, queued: &mut dyn ErasedWrite) {
        if let Err(error) = self.run_in_transaction(queued).await {
            self.discard_connection().await;
            queued.fail(error.into());
        }
    }

    async fn run_in_transaction(
        &mut self,
        queued: &mut dyn ErasedWrite,
    ) -> Result<(), sqlx::Error> {
        let (conn, env) = self.ensure_open().await?;
        conn.execute("BEGIN IMMEDIATE").await?;
        if queued.run(&mut Tx::new(Conn::Sqlite(conn), env)).await {
            conn.execute("COMMIT").await?;
        } else if conn.execute("ROLLBACK").await.is_err() {
            // SQLite had rolled back by itself; the member's own error says why.
            self.discard_connection().await;
        }
        Ok(())
    }

    /// Gives the log's space back to the disk; false when not even that could be done.
    async fn free_space(&mut self) -> bool {
        let vaciado = async {
            let (conn, _) = self.ensure_open().await?;
            checkpoint::truncate_wal(conn).await
        };
        vaciado.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no se pudo vaciar el registro de SQLite");
            false
        })
    }

    async fn ensure_open(&mut self) -> Result<(&mut SqliteConnection, &Env), sqlx::Error> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.opciones.connect().await?,
        };
        Ok((self.conn.insert(conn), &self.env))
    }

    /// Closes a connection whose transaction is in doubt; closing rolls back what is open.
    async fn discard_connection(&mut self) {
        if let Some(conn) = self.conn.take() {
            conn.close().await.ok();
        }
    }
}

#[cfg(test)]
mod tests;
