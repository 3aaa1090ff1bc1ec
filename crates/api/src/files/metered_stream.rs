//! A form's bytes, a little at a time. The parser of forms takes all that is ready and keeps it until it
//! finds the end of a part's headers: unbounded, a fast sender would fill the memory.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

/// How many bytes may still come before something else has to.
#[derive(Clone, Default)]
pub struct ByteAllowance(Arc<AtomicUsize>);

impl ByteAllowance {
    pub fn allow(&self, bytes: usize) {
        self.0.store(bytes, Relaxed);
    }

    /// From here on they are counted elsewhere.
    pub fn lift_limit(&self) {
        self.allow(usize::MAX);
    }
}

/// More came than was allowed.
#[derive(Debug, thiserror::Error)]
#[error("la parte no termina")]
pub struct TooManyBytes;

/// The stream; after each piece it lets the parser work on it.
pub struct MeteredStream<S> {
    bytes: S,
    permitido: ByteAllowance,
    pausa: bool,
}

impl<S> MeteredStream<S> {
    pub fn new(bytes: S, permitido: ByteAllowance) -> Self {
        Self {
            bytes,
            permitido,
            pausa: false,
        }
    }
}

impl<S: Stream<Item = Result<Bytes, axum::Error>> + Unpin> Stream for MeteredStream<S> {
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pausa) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let trozo = std::task::ready!(self.bytes.poll_next_unpin(cx));
        self.pausa = true;
        Poll::Ready(trozo.map(|t| {
            let bytes = t?;
            let queda = self.permitido.0.load(Relaxed);
            if queda == 0 {
                return Err(TooManyBytes.into());
            }
            // The last piece may go beyond: it is in memory already.
            self.permitido.allow(queda.saturating_sub(bytes.len()));
            Ok(bytes)
        }))
    }
}
