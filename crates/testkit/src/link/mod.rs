//! A bad link (*mal enlace*): a TCP proxy on this machine that is as slow, as narrow and as
//! unreliable as a phone's signal at the mouth of a mine, and breaks where it is told to.
//!
//! ```no_run
//! # async fn example(servidor: std::net::SocketAddr) -> std::io::Result<()> {
//! use std::time::Duration;
//! use sigra_testkit::link::{LinkConditions, LinkCut, LinkProxy};
//!
//! // The first answer is lost, though the server did its work; the next connections are slow.
//! let enlace = LinkProxy::new(servidor, |conexion| LinkConditions {
//!     latencia: Duration::from_millis(300),
//!     bytes_por_segundo: Some(4_000),
//!     corte: (conexion == 0).then_some(LinkCut::Bajada(0)),
//! })
//! .await?;
//! println!("http://{}", enlace.address());
//! # Ok(())
//! # }
//! ```

mod connection;
mod direction;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

/// How one connection behaves. The default is a link with nothing wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkConditions {
    /// Each way: a byte arrives this long after it was sent. Bytes in flight do not wait for each
    /// other.
    pub latencia: Duration,
    /// Each way, on its own; `None` is as fast as the machine. 0 counts as 1.
    pub bytes_por_segundo: Option<u64>,
    pub corte: Option<LinkCut>,
}

/// Where a connection breaks: after this many bytes of one direction went through, counted over the
/// whole connection (all requests of a kept one). Both sides are closed at once, and what was on
/// its way in the other direction is lost.
///
/// 0 is before the first byte. A direction that never comes so far does not break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkCut {
    /// From client to server: the server gets exactly this much of the request.
    Subida(u64),
    /// From server to client: the client gets exactly this much of the answer. The server had
    /// begun to answer, so that it received the request.
    Bajada(u64),
}

/// What went through so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Accepted, whether the target could be reached or not.
    pub conexiones: u64,
    /// Broken by a [`LinkCut`].
    pub cortadas: u64,
    /// Bytes handed to the server.
    pub subidos: u64,
    /// Bytes handed to the clients.
    pub bajados: u64,
}

#[derive(Default)]
struct LinkCounters {
    conexiones: AtomicU64,
    cortadas: AtomicU64,
    subidos: AtomicU64,
    bajados: AtomicU64,
}

/// The proxy. It stops listening and closes every connection when it is dropped.
pub struct LinkProxy {
    direccion: SocketAddr,
    counters: Arc<LinkCounters>,
    tarea: JoinHandle<()>,
}

impl LinkProxy {
    /// Listens on a free port of 127.0.0.1 and forwards each connection to `target`.
    ///
    /// `conditions` is asked once for each connection, with its number: 0, 1, 2…
    /// Fails when no port can be opened.
    pub async fn new(
        target: SocketAddr,
        mut conditions: impl FnMut(u64) -> LinkConditions + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let direccion = listener.local_addr()?;
        let counters = Arc::new(LinkCounters::default());
        let suyos = Arc::clone(&counters);
        let tarea = tokio::spawn(async move {
            // Connections belong to this task: they end with it.
            let mut conexiones = JoinSet::new();
            loop {
                tokio::select! {
                    Some(_) = conexiones.join_next() => {}
                    aceptada = listener.accept() => {
                        let Ok((client, _)) = aceptada else {
                            // Out of file descriptors, most likely: asking again at once won't help.
                            tokio::time::sleep(Duration::from_millis(10)).await;
                            continue;
                        };
                        let numero = suyos.conexiones.fetch_add(1, Relaxed);
                        let suyas = conditions(numero);
                        conexiones.spawn(connection::relay(client, target, suyas, Arc::clone(&suyos)));
                    }
                }
            }
        });
        Ok(Self {
            direccion,
            counters,
            tarea,
        })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.direccion
    }

    /// The counts at this moment.
    pub fn stats(&self) -> LinkCounts {
        let c = &self.counters;
        LinkCounts {
            conexiones: c.conexiones.load(Relaxed),
            cortadas: c.cortadas.load(Relaxed),
            subidos: c.subidos.load(Relaxed),
            bajados: c.bajados.load(Relaxed),
        }
    }
}

impl Drop for LinkProxy {
    fn drop(&mut self) {
        self.tarea.abort();
    }
}
