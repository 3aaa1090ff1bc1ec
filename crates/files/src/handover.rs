//! Of several requests about one upload, the newest goes on and the others end: a phone that lost its
//! link asks again long before its old connection is known to be dead. Between servers the database's
//! `lease` decides; this is for those of one server, where the newest waits until the older one has
//! told what came of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedMutexGuard, watch};

#[derive(Default)]
pub(crate) struct Leases(LeaseSlots);

type LeaseSlots = Arc<Mutex<HashMap<String, LeaseSlot>>>;

struct LeaseSlot {
    /// Counts those who came.
    llegadas: watch::Sender<u64>,
    lock: Arc<tokio::sync::Mutex<()>>,
    /// Those who came and are not gone.
    quedan: usize,
}

/// The right to go on, until somebody newer comes.
pub(crate) struct Lease {
    id: String,
    mio: u64,
    llegadas: watch::Receiver<u64>,
    guarda: Option<OwnedMutexGuard<()>>,
    todos: LeaseSlots,
}

impl Leases {
    /// Cuts off whoever is at it, and waits for their end.
    pub(crate) async fn acquire(&self, id: &str) -> Lease {
        let (mut lease, lock) = self.register(id);
        lease.guarda = Some(lock.lock_owned().await);
        lease
    }

    fn register(&self, id: &str) -> (Lease, Arc<tokio::sync::Mutex<()>>) {
        let mut todos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let puesto = todos.entry(id.to_owned()).or_insert_with(|| LeaseSlot {
            llegadas: watch::Sender::new(0),
            lock: Arc::default(),
            quedan: 0,
        });
        puesto.quedan += 1;
        puesto.llegadas.send_modify(|n| *n += 1);
        let llegadas = puesto.llegadas.subscribe();
        let mio = *llegadas.borrow();
        let lease = Lease {
            id: id.to_owned(),
            mio,
            llegadas,
            guarda: None,
            todos: Arc::clone(&self.0),
        };
        (lease, Arc::clone(&puesto.lock))
    }
}

impl Lease {
    /// Ends when somebody newer has come.
    pub(crate) async fn superseded(&mut self) {
        let mio = self.mio;
        // The sender lives as long as this does.
        self.llegadas.wait_for(|n| *n != mio).await.ok();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.guarda.take();
        let mut todos = self.todos.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(puesto) = todos.get_mut(&self.id) {
            puesto.quedan -= 1;
            if puesto.quedan == 0 {
                todos.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Leases;

    #[tokio::test]
    async fn the_newest_goes_on() {
        let turnos = Leases::default();
        let mut primero = turnos.acquire("a").await;
        let otro = turnos.acquire("b").await;
        let segundo = turnos.acquire("a");
        let (segundo, ()) = tokio::join!(segundo, async {
            primero.superseded().await;
            drop(primero);
        });
        assert_eq!(turnos.0.lock().unwrap().len(), 2);
        drop(segundo);
        drop(otro);
        assert_eq!(turnos.0.lock().unwrap().len(), 0);
    }

    /// Three at once: those in the middle end without having begun.
    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let turnos = Leases::default();
        let primero = turnos.acquire("a").await;
        let (segundo, tercero) = tokio::join!(
            async {
                let mut t = turnos.acquire("a").await;
                t.superseded().await;
            },
            async {
                let t = turnos.acquire("a");
                drop(primero);
                drop(t.await);
            }
        );
        let ((), ()) = (segundo, tercero);
        assert_eq!(turnos.0.lock().unwrap().len(), 0);
    }
}
