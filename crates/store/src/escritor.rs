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

mod vuelco;

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

use crate::{DeFallo, Entorno, Fallo, Tx, Write, db::Conn};
pub(crate) use vuelco::MAX_LOG;
use vuelco::Vuelco;

/// Requests that may wait for the writer; beyond it they wait for a place.
const COLA: usize = 1_024;
/// Requests that share one fsync. More adds latency and hardly any speed.
const GRUPO: usize = 128;

/// The way to the writer.
pub(crate) struct Escritor {
    cola: mpsc::Sender<Box<dyn Trabajo>>,
}

impl Escritor {
    /// Starts the writer's thread. It ends when the last way to it is gone, or after
    /// [`Escritor::cerrar`].
    pub(crate) fn nuevo(opciones: SqliteConnectOptions, entorno: Entorno) -> Result<Self, Fallo> {
        let (cola, trabajos) = mpsc::channel(COLA);
        let lazo = Lazo {
            vuelco: Vuelco::nuevo(opciones.clone()),
            opciones,
            entorno,
            conn: None,
            hubo_rechazos: false,
        };
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("sigra-escritor".into())
            .spawn(move || runtime.block_on(lazo.corre(trabajos)))
            .map_err(|e| Fallo::NoDisponible(sqlx::Error::Io(e)))?;
        Ok(Self { cola })
    }

    pub(crate) async fn escribir<W: Write>(&self, op: W) -> Result<W::Out, W::Err> {
        let (tx, rx) = oneshot::channel();
        let pedido = Pedido {
            op,
            resultado: None,
            respuesta: tx,
        };
        if self.cola.send(Box::new(pedido)).await.is_err() {
            return Err(Fallo::NoDisponible(sqlx::Error::PoolClosed).into());
        }
        rx.await
            .unwrap_or_else(|_| Err(Fallo::Interno("una escritura se interrumpió").into()))
    }

    /// Waits for what is queued and for the end of the writer, whose connection is closed then.
    pub(crate) async fn cerrar(&self) {
        if self.cola.send(Box::new(Fin)).await.is_ok() {
            self.cola.closed().await;
        }
    }
}

/// A queued write whose types are erased.
trait Trabajo: Send {
    /// Runs it, keeps the result and says whether its writes stay.
    fn corre<'a, 'c: 'a>(&'a mut self, tx: &'a mut Tx<'c>) -> BoxFuture<'a, bool>;
    /// Replaces the result by a failure.
    fn falla(&mut self, fallo: Fallo);
    /// Sends the result to whoever still waits for it.
    fn responde(self: Box<Self>);
    /// Whether it failed for lack of space.
    fn sin_espacio(&self) -> bool {
        false
    }
    /// The last one the writer takes.
    fn es_fin(&self) -> bool {
        false
    }
}

struct Pedido<W: Write> {
    op: W,
    resultado: Option<Result<W::Out, W::Err>>,
    respuesta: oneshot::Sender<Result<W::Out, W::Err>>,
}

impl<W: Write> Trabajo for Pedido<W> {
    fn corre<'a, 'c: 'a>(&'a mut self, tx: &'a mut Tx<'c>) -> BoxFuture<'a, bool> {
        async move {
            // A defect in one request must not end the writer for all.
            let resultado = AssertUnwindSafe(self.op.run(tx))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(Fallo::Interno("una escritura se interrumpió").into()));
            let queda = resultado.is_ok();
            self.resultado = Some(resultado);
            queda
        }
        .boxed()
    }

    fn falla(&mut self, fallo: Fallo) {
        self.resultado = Some(Err(fallo.into()));
    }

    fn sin_espacio(&self) -> bool {
        let rechazo = self.resultado.as_ref().and_then(|r| r.as_ref().err());
        matches!(rechazo.and_then(DeFallo::fallo), Some(Fallo::Lleno(_)))
    }

    fn responde(self: Box<Self>) {
        if let Some(resultado) = self.resultado {
            self.respuesta.send(resultado).ok();
        }
    }
}

struct Fin;

impl Trabajo for Fin {
    fn corre<'a, 'c: 'a>(&'a mut self, _: &'a mut Tx<'c>) -> BoxFuture<'a, bool> {
        async { true }.boxed()
    }
    fn falla(&mut self, _: Fallo) {}
    fn responde(self: Box<Self>) {}
    fn es_fin(&self) -> bool {
        true
    }
}

/// The group's transaction no longer exists.
struct GrupoPerdido(sqlx::Error);

/// SQLITE_BUSY, which only BEGIN can meet: no member has run.
fn es_ocupada(error: &sqlx::Error) -> bool {
    let codigo = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    codigo
        .and_then(|c| c.parse::<i32>().ok())
        .is_some_and(|c| c & 0xff == 5)
}

struct Lazo {
    vuelco: Vuelco,
    opciones: SqliteConnectOptions,
    entorno: Entorno,
    /// Opened when first needed and again after a failure that left its state unsure.
    conn: Option<SqliteConnection>,
    /// Refusals come in swarms (a phone that sends an old backup): the group after one begins with
    /// savepoints.
    hubo_rechazos: bool,
}

impl Lazo {
    async fn corre(mut self, mut trabajos: mpsc::Receiver<Box<dyn Trabajo>>) {
        let mut grupo = Vec::with_capacity(GRUPO);
        while trabajos.recv_many(&mut grupo, GRUPO).await > 0 {
            let fin = grupo.iter().any(|t| t.es_fin());
            if grupo.len() == 1 {
                self.uno(&mut *grupo[0]).await;
            } else if let Err(GrupoPerdido(error)) = self.todos(&mut grupo).await {
                let ocupada = es_ocupada(&error);
                tracing::warn!(%error, miembros = grupo.len(), ocupada, "grupo de escrituras perdido");
                for trabajo in &mut grupo {
                    if ocupada {
                        // Another process holds the file: each alone would wait as long again.
                        trabajo.falla(Fallo::NoDisponible(sqlx::Error::PoolTimedOut));
                    } else {
                        self.uno(&mut **trabajo).await;
                    }
                }
            }
            if grupo.iter().any(|t| t.sin_espacio()) && self.hace_espacio().await {
                for trabajo in grupo.iter_mut().filter(|t| t.sin_espacio()) {
                    self.uno(&mut **trabajo).await;
                }
            }
            for trabajo in grupo.drain(..) {
                trabajo.responde();
            }
            self.vuelco.hubo_commit();
            if fin {
                break;
            }
        }
        if let Some(conn) = self.conn.take() {
            conn.close().await.ok();
        }
        self.vuelco.cerrar().await;
    }

    /// One transaction for the group.
    async fn todos(&mut self, grupo: &mut [Box<dyn Trabajo>]) -> Result<(), GrupoPerdido> {
        let resultado = self.en_grupo(grupo).await;
        if resultado.is_err() {
            self.suelta().await;
        }
        resultado.map_err(GrupoPerdido)
    }

    async fn en_grupo(&mut self, grupo: &mut [Box<dyn Trabajo>]) -> Result<(), sqlx::Error> {
        if self.hubo_rechazos || !self.sin_savepoints(grupo).await? {
            self.hubo_rechazos = self.en_savepoints(grupo).await?;
        }
        Ok(())
    }

    /// Whether all were accepted, and are durable; otherwise nothing of the group is left.
    async fn sin_savepoints(
        &mut self,
        grupo: &mut [Box<dyn Trabajo>],
    ) -> Result<bool, sqlx::Error> {
        let (conn, entorno) = self.abierta().await?;
        conn.execute("BEGIN IMMEDIATE").await?;
        for trabajo in grupo {
            if !trabajo
                .corre(&mut Tx::new(Conn::Sqlite(conn), entorno))
                .await
            {
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
    async fn en_savepoints(&mut self, grupo: &mut [Box<dyn Trabajo>]) -> Result<bool, sqlx::Error> {
        let (conn, entorno) = self.abierta().await?;
        // Statements go two in one call where they can: each call is a trip to the connection's thread.
        conn.execute("BEGIN IMMEDIATE; SAVEPOINT miembro").await?;
        let mut rechazos = false;
        for trabajo in grupo {
            if !trabajo
                .corre(&mut Tx::new(Conn::Sqlite(conn), entorno))
                .await
            {
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
    async fn uno(&mut self, trabajo: &mut dyn Trabajo) {
        if let Err(error) = self.en_transaccion(trabajo).await {
            self.suelta().await;
            trabajo.falla(error.into());
        }
    }

    async fn en_transaccion(&mut self, trabajo: &mut dyn Trabajo) -> Result<(), sqlx::Error> {
        let (conn, entorno) = self.abierta().await?;
        conn.execute("BEGIN IMMEDIATE").await?;
        if trabajo
            .corre(&mut Tx::new(Conn::Sqlite(conn), entorno))
            .await
        {
            conn.execute("COMMIT").await?;
        } else if conn.execute("ROLLBACK").await.is_err() {
            // SQLite had rolled back by itself; the member's own error says why.
            self.suelta().await;
        }
        Ok(())
    }

    /// Gives the log's space back to the disk; false when not even that could be done.
    async fn hace_espacio(&mut self) -> bool {
        let vaciado = async {
            let (conn, _) = self.abierta().await?;
            vuelco::vacia(conn).await
        };
        vaciado.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no se pudo vaciar el registro de SQLite");
            false
        })
    }

    async fn abierta(&mut self) -> Result<(&mut SqliteConnection, &Entorno), sqlx::Error> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.opciones.connect().await?,
        };
        Ok((self.conn.insert(conn), &self.entorno))
    }

    /// Closes a connection whose transaction is in doubt; closing rolls back what is open.
    async fn suelta(&mut self) {
        if let Some(conn) = self.conn.take() {
            conn.close().await.ok();
        }
    }
}

#[cfg(test)]
mod pruebas;
