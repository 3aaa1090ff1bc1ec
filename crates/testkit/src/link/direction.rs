//! One direction of a connection.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// Most bytes that travel as one piece.
const CHUNK_SIZE: usize = 16 * 1024;
/// Pieces in flight; a sender that is further ahead waits, as with a full socket.
const MAX_IN_FLIGHT: usize = 64;

/// Why a direction ended before its sender did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// The cut was reached.
    Cortado,
    /// A socket failed.
    Roto,
}

/// The conditions of one direction.
#[derive(Clone, Copy)]
pub(crate) struct LinkDirection<'a> {
    pub latencia: Duration,
    pub bytes_por_segundo: Option<u64>,
    /// Bytes that pass before the cut.
    pub corte: Option<u64>,
    pub llevados: &'a AtomicU64,
}

impl LinkDirection<'_> {
    /// Carries all bytes from one side to the other; `Ok` when the sender closed its side, and then
    /// the receiver's is closed as well.
    pub(crate) async fn relay(
        self,
        de: impl AsyncRead + Unpin,
        a: impl AsyncWrite + Unpin,
    ) -> Result<(), EndReason> {
        // Two loops, so that bytes behind can start while those ahead are still on their way.
        let (sale, llega) = mpsc::channel(MAX_IN_FLIGHT);
        tokio::try_join!(self.receive(de, sale), self.deliver(llega, a))?;
        Ok(())
    }

    async fn receive(
        &self,
        mut de: impl AsyncRead + Unpin,
        sale: mpsc::Sender<(Instant, Vec<u8>)>,
    ) -> Result<(), EndReason> {
        let mut buffer = vec![0; self.chunk_len()];
        loop {
            let n = de.read(&mut buffer).await.map_err(|_| EndReason::Roto)?;
            if n == 0 {
                return Ok(());
            }
            let llegada = Instant::now() + self.latencia;
            sale.send((llegada, buffer[..n].to_vec()))
                .await
                .map_err(|_| EndReason::Roto)?;
        }
    }

    async fn deliver(
        &self,
        mut llega: mpsc::Receiver<(Instant, Vec<u8>)>,
        mut a: impl AsyncWrite + Unpin,
    ) -> Result<(), EndReason> {
        let mut quedan = self.corte;
        let mut libre = Instant::now();
        while let Some((llegada, chunk)) = llega.recv().await {
            let pasan = quedan.and_then(|q| usize::try_from(q).ok());
            let n = pasan.map_or(chunk.len(), |q| q.min(chunk.len()));
            libre = libre.max(llegada) + self.duration(n);
            sleep_until(libre).await;
            a.write_all(&chunk[..n])
                .await
                .map_err(|_| EndReason::Roto)?;
            self.llevados.fetch_add(n as u64, Relaxed);
            if let Some(q) = &mut quedan {
                *q -= n as u64;
                if *q == 0 {
                    return Err(EndReason::Cortado);
                }
            }
        }
        a.shutdown().await.map_err(|_| EndReason::Roto)
    }

    /// How long `n` bytes occupy the link.
    fn duration(&self, n: usize) -> Duration {
        self.bytes_por_segundo
            .map_or(Duration::ZERO, |por_segundo| {
                Duration::from_nanos(n as u64 * 1_000_000_000 / por_segundo.max(1))
            })
    }

    /// Pieces of a narrow link are a tenth of a second long, so that its flow is even.
    fn chunk_len(&self) -> usize {
        let decimo = self.bytes_por_segundo.map_or(u64::MAX, |b| b / 10);
        usize::try_from(decimo)
            .unwrap_or(CHUNK_SIZE)
            .clamp(1, CHUNK_SIZE)
    }
}
