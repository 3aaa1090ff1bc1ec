//! Who waits for news on this node, and who tells them that there is some.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sigra_domain::Rut;
use sigra_store::{Store, StoreError, notifications};
use tokio::{
    sync::{oneshot, watch},
    time::MissedTickBehavior,
};

/// Streams of one person: a panel, a phone, and some that nobody knows yet to be dead.
const MAX_PER_PERSONA: usize = 10;
/// Streams of a node.
const MAX_STREAMS: usize = 2_000;
/// How often the table is looked at without a hint.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Streams by person. Cheap to clone.
#[derive(Clone, Default)]
pub struct Subscribers(Arc<Mutex<OpenStreams>>);

#[derive(Default)]
struct OpenStreams {
    personas: HashMap<i64, Persona>,
    total: usize,
    proximo: u64,
}

struct Persona {
    senal: watch::Sender<()>,
    /// The oldest first; dropped, it ends.
    flujos: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// A place among those who wait; given back when dropped.
pub struct Subscriber {
    subscribers: Subscribers,
    rut: i64,
    n: u64,
    senal: watch::Receiver<()>,
    /// Ends when a newer one takes this place.
    sigue: oneshot::Receiver<()>,
}

impl Subscribers {
    fn with_lock<T>(&self, hace: impl FnOnce(&mut OpenStreams) -> T) -> T {
        // Nothing in here can stop halfway.
        hace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The oldest of a person gives way to the newest: a phone whose link broke comes back long before its
    /// old connection is known to be dead. `None` when the node has too many.
    pub fn subscribe(&self, rut: Rut) -> Option<Subscriber> {
        let rut = rut.body();
        self.with_lock(|a| {
            if a.total >= MAX_STREAMS {
                return None;
            }
            a.proximo += 1;
            let n = a.proximo;
            let persona = a.personas.entry(rut).or_insert_with(|| Persona {
                senal: watch::Sender::new(()),
                flujos: VecDeque::new(),
            });
            if persona.flujos.len() >= MAX_PER_PERSONA {
                persona.flujos.pop_front();
                a.total -= 1;
            }
            let (queda, sigue) = oneshot::channel();
            persona.flujos.push_back((n, queda));
            a.total += 1;
            Some(Subscriber {
                subscribers: self.clone(),
                rut,
                n,
                senal: persona.senal.subscribe(),
                sigue,
            })
        })
    }

    fn wake(&self, ruts: impl IntoIterator<Item = i64>) {
        self.with_lock(|a| {
            for rut in ruts {
                if let Some(p) = a.personas.get(&rut) {
                    p.senal.send_replace(());
                }
            }
        });
    }

    /// Looks for what people were told, at every hint and every second, and wakes them. For ever.
    pub async fn broadcast(self, store: Store) {
        let mut novedades = store.wakeups();
        let mut reloj = tokio::time::interval(POLL_INTERVAL);
        reloj.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ultima = None;
        loop {
            tokio::select! {
                _ = reloj.tick() => {}
                hay = novedades.changed() => if hay.is_err() { return },
            }
            if self.with_lock(|a| a.total == 0) {
                ultima = None;
                continue;
            }
            match self.poll(&store, ultima).await {
                Ok(hasta) => ultima = Some(hasta),
                Err(error) => tracing::warn!(%error, "los avisos en vivo se atrasan"),
            }
        }
    }

    /// Up to which it was seen.
    async fn poll(&self, store: &Store, ultima: Option<i64>) -> Result<i64, StoreError> {
        let mut conn = store.read().await?;
        let Some(desde) = ultima else {
            let hasta = notifications::last_id(&mut conn, None).await?;
            // Somebody came in before it was known where to begin: they all look.
            let todos: Vec<i64> = self.with_lock(|a| a.personas.keys().copied().collect());
            self.wake(todos);
            return Ok(hasta);
        };
        let nuevas = notifications::newest_since(&mut conn, desde).await?;
        drop(conn);
        let hasta = nuevas.iter().map(|(_, id)| *id).max();
        self.wake(nuevas.into_iter().map(|(rut, _)| rut));
        Ok(hasta.unwrap_or(desde))
    }
}

impl Subscriber {
    /// Resolves when there is something new for this person; false when this stream is over.
    pub async fn changed(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = &mut self.sigue => false,
            hay = self.senal.changed() => hay.is_ok(),
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.subscribers.with_lock(|a| {
            let Some(p) = a.personas.get_mut(&self.rut) else {
                return;
            };
            let antes = p.flujos.len();
            p.flujos.retain(|(n, _)| *n != self.n);
            a.total -= antes - p.flujos.len();
            if p.flujos.is_empty() {
                a.personas.remove(&self.rut);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_counted_and_given_back() {
        let todos = Subscribers::default();
        let (una, otra) = (Rut::new(1).unwrap(), Rut::new(2).unwrap());
        let mut suyos: Vec<Subscriber> = (0..MAX_PER_PERSONA)
            .filter_map(|_| todos.subscribe(una))
            .collect();
        let mut ajeno = todos.subscribe(otra).unwrap();
        // One more: the oldest goes.
        suyos.push(todos.subscribe(una).unwrap());
        assert!(!suyos[0].changed().await);
        todos.wake([1, 7]);
        for s in &mut suyos[1..] {
            assert!(s.changed().await);
        }
        let espera = tokio::time::timeout(Duration::from_millis(1), ajeno.changed());
        assert!(espera.await.is_err());
        assert_eq!(todos.with_lock(|a| a.total), MAX_PER_PERSONA + 1);
        drop(suyos.remove(0));
        assert_eq!(todos.with_lock(|a| a.total), MAX_PER_PERSONA + 1);
        drop((suyos, ajeno));
        assert_eq!(todos.with_lock(|a| (a.total, a.personas.len())), (0, 0));
        let gente = (1..=i64::try_from(MAX_STREAMS).unwrap()).map(|n| Rut::new(n).unwrap());
        let _todas: Vec<Subscriber> = gente.filter_map(|r| todos.subscribe(r)).collect();
        assert!(todos.subscribe(Rut::new(9_999).unwrap()).is_none());
    }
}
