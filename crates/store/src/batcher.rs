//! What is asked for at the same time is done together: one read that tells all who ask, one write
//! of all reports that come in. While one group is under way the next gathers, so a busy server
//! makes few trips to its database and an idle one keeps nobody waiting.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

/// Requests that may wait; beyond it they wait for a place.
const QUEUE_CAPACITY: usize = 1_024;
/// Requests in one group.
const MAX_GROUP: usize = 32;

type PendingCall<P, R> = (P, oneshot::Sender<R>);

/// The way to those who do it. When the last way is gone, so are they.
pub(crate) struct Batcher<P, R>(mpsc::Sender<PendingCall<P, R>>);

impl<P: Send + 'static, R: Send + 'static> Batcher<P, R> {
    /// `hacer` answers each of its requests, in their order. One group at a time: what waits for it
    /// makes the next one large, which is what makes it cheap.
    pub(crate) fn new<F, Fut>(hacer: F) -> Self
    where
        F: Fn(Vec<P>) -> Fut + Send + 'static,
        Fut: Future<Output = Vec<R>> + Send + 'static,
    {
        let (cola, sitios) = mpsc::channel(QUEUE_CAPACITY);
        tokio::spawn(run_batches(hacer, sitios));
        Self(cola)
    }

    /// The answer; `None` when there is nobody left to give it.
    pub(crate) async fn submit(&self, request: P) -> Option<R> {
        let (respuesta, rx) = oneshot::channel();
        self.0.send((request, respuesta)).await.ok()?;
        rx.await.ok()
    }
}

async fn run_batches<P, R, F, Fut>(hacer: F, mut sitios: mpsc::Receiver<PendingCall<P, R>>)
where
    P: Send + 'static,
    R: Send + 'static,
    F: Fn(Vec<P>) -> Fut + Send + 'static,
    Fut: Future<Output = Vec<R>> + Send + 'static,
{
    let mut group = Vec::with_capacity(MAX_GROUP);
    while sitios.recv_many(&mut group, MAX_GROUP).await > 0 {
        let (requests, respuestas): (Vec<P>, Vec<oneshot::Sender<R>>) = group.drain(..).unzip();
        // A task of its own: a defect in one group must not end the others.
        let Ok(done) = tokio::spawn(hacer(requests)).await else {
            continue;
        };
        for (respuesta, suya) in respuestas.into_iter().zip(done) {
            respuesta.send(suya).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::sync::Semaphore;

    use super::Batcher;

    #[tokio::test]
    async fn groups_what_waits_and_survives_a_defect() {
        let (gate, groups) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let (p, g) = (Arc::clone(&gate), Arc::clone(&groups));
        let batcher = Arc::new(Batcher::new(move |ns: Vec<u32>| {
            let (p, g) = (Arc::clone(&p), Arc::clone(&g));
            async move {
                g.fetch_add(1, Ordering::SeqCst);
                p.acquire().await.unwrap().forget();
                assert!(!ns.contains(&13), "a propósito");
                ns.iter().map(|n| n * 2).collect()
            }
        }));
        let pide = |n: u32| {
            let r = Arc::clone(&batcher);
            tokio::spawn(async move { r.submit(n).await })
        };
        let primera = pide(1);
        while groups.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let juntas: Vec<_> = (2..=20).map(pide).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);
        assert_eq!(primera.await.unwrap(), Some(2));
        for tarea in juntas {
            // 13 is among them: its group has no answers.
            assert_eq!(tarea.await.unwrap(), None);
        }
        assert_eq!(groups.load(Ordering::SeqCst), 2);
        gate.add_permits(1);
        assert_eq!(pide(7).await.unwrap(), Some(14));
    }
}
