//! Of several requests about one upload, the newest goes on and the others end: a phone that lost its
//! link asks again long before its old connection is known to be dead. Between servers the database's
//! `turno` decides; this is for those of one server, where the newest waits until the older one has
//! told what came of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedMutexGuard, watch};

#[derive(Default)]
pub(crate) struct Turnos(Puestos);

type Puestos = Arc<Mutex<HashMap<String, Puesto>>>;

struct Puesto {
    /// Counts those who came.
    llegadas: watch::Sender<u64>,
    candado: Arc<tokio::sync::Mutex<()>>,
    /// Those who came and are not gone.
    quedan: usize,
}

/// The right to go on, until somebody newer comes.
pub(crate) struct Turno {
    id: String,
    mio: u64,
    llegadas: watch::Receiver<u64>,
    guarda: Option<OwnedMutexGuard<()>>,
    todos: Puestos,
}

impl Turnos {
    /// Cuts off whoever is at it, and waits for their end.
    pub(crate) async fn toma(&self, id: &str) -> Turno {
        let (mut turno, candado) = self.llega(id);
        turno.guarda = Some(candado.lock_owned().await);
        turno
    }

    fn llega(&self, id: &str) -> (Turno, Arc<tokio::sync::Mutex<()>>) {
        let mut todos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let puesto = todos.entry(id.to_owned()).or_insert_with(|| Puesto {
            llegadas: watch::Sender::new(0),
            candado: Arc::default(),
            quedan: 0,
        });
        puesto.quedan += 1;
        puesto.llegadas.send_modify(|n| *n += 1);
        let llegadas = puesto.llegadas.subscribe();
        let mio = *llegadas.borrow();
        let turno = Turno {
            id: id.to_owned(),
            mio,
            llegadas,
            guarda: None,
            todos: Arc::clone(&self.0),
        };
        (turno, Arc::clone(&puesto.candado))
    }
}

impl Turno {
    /// Ends when somebody newer has come.
    pub(crate) async fn terminado(&mut self) {
        let mio = self.mio;
        // The sender lives as long as this does.
        self.llegadas.wait_for(|n| *n != mio).await.ok();
    }
}

impl Drop for Turno {
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
    use super::Turnos;

    #[tokio::test]
    async fn the_newest_goes_on() {
        let turnos = Turnos::default();
        let mut primero = turnos.toma("a").await;
        let otro = turnos.toma("b").await;
        let segundo = turnos.toma("a");
        let (segundo, ()) = tokio::join!(segundo, async {
            primero.terminado().await;
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
        let turnos = Turnos::default();
        let primero = turnos.toma("a").await;
        let (segundo, tercero) = tokio::join!(
            async {
                let mut t = turnos.toma("a").await;
                t.terminado().await;
            },
            async {
                let t = turnos.toma("a");
                drop(primero);
                drop(t.await);
            }
        );
        let ((), ()) = (segundo, tercero);
        assert_eq!(turnos.0.lock().unwrap().len(), 0);
    }
}
