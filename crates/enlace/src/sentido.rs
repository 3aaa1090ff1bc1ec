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
const TROZO: usize = 16 * 1024;
/// Pieces in flight; a sender that is further ahead waits, as with a full socket.
const EN_VUELO: usize = 64;

/// Why a direction ended before its sender did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fin {
    /// The cut was reached.
    Cortado,
    /// A socket failed.
    Roto,
}

/// The conditions of one direction.
#[derive(Clone, Copy)]
pub(crate) struct Sentido<'a> {
    pub latencia: Duration,
    pub bytes_por_segundo: Option<u64>,
    /// Bytes that pass before the cut.
    pub corte: Option<u64>,
    pub llevados: &'a AtomicU64,
}

impl Sentido<'_> {
    /// Carries all bytes from one side to the other; `Ok` when the sender closed its side, and then
    /// the receiver's is closed as well.
    pub(crate) async fn lleva(
        self,
        de: impl AsyncRead + Unpin,
        a: impl AsyncWrite + Unpin,
    ) -> Result<(), Fin> {
        // Two loops, so that bytes behind can start while those ahead are still on their way.
        let (sale, llega) = mpsc::channel(EN_VUELO);
        tokio::try_join!(self.recibe(de, sale), self.entrega(llega, a))?;
        Ok(())
    }

    async fn recibe(
        &self,
        mut de: impl AsyncRead + Unpin,
        sale: mpsc::Sender<(Instant, Vec<u8>)>,
    ) -> Result<(), Fin> {
        let mut bufer = vec![0; self.trozo()];
        loop {
            let n = de.read(&mut bufer).await.map_err(|_| Fin::Roto)?;
            if n == 0 {
                return Ok(());
            }
            let llegada = Instant::now() + self.latencia;
            sale.send((llegada, bufer[..n].to_vec()))
                .await
                .map_err(|_| Fin::Roto)?;
        }
    }

    async fn entrega(
        &self,
        mut llega: mpsc::Receiver<(Instant, Vec<u8>)>,
        mut a: impl AsyncWrite + Unpin,
    ) -> Result<(), Fin> {
        let mut quedan = self.corte;
        let mut libre = Instant::now();
        while let Some((llegada, trozo)) = llega.recv().await {
            let pasan = quedan.and_then(|q| usize::try_from(q).ok());
            let n = pasan.map_or(trozo.len(), |q| q.min(trozo.len()));
            libre = libre.max(llegada) + self.duracion(n);
            sleep_until(libre).await;
            a.write_all(&trozo[..n]).await.map_err(|_| Fin::Roto)?;
            self.llevados.fetch_add(n as u64, Relaxed);
            if let Some(q) = &mut quedan {
                *q -= n as u64;
                if *q == 0 {
                    return Err(Fin::Cortado);
                }
            }
        }
        a.shutdown().await.map_err(|_| Fin::Roto)
    }

    /// How long `n` bytes occupy the link.
    fn duracion(&self, n: usize) -> Duration {
        self.bytes_por_segundo
            .map_or(Duration::ZERO, |por_segundo| {
                Duration::from_nanos(n as u64 * 1_000_000_000 / por_segundo.max(1))
            })
    }

    /// Pieces of a narrow link are a tenth of a second long, so that its flow is even.
    fn trozo(&self) -> usize {
        let decimo = self.bytes_por_segundo.map_or(u64::MAX, |b| b / 10);
        usize::try_from(decimo).unwrap_or(TROZO).clamp(1, TROZO)
    }
}
