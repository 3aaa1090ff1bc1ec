//! What a server does beside its requests: so that readers have little to wait for, people are told, and
//! what is over goes.

mod escalation;
mod pulse;
mod purge;
pub(crate) mod supervisor;

use futures_util::future::BoxFuture;

use crate::Services;

/// Deadlines that passed.
pub const ESCALATION: &str = "escalation";
/// Changes: their place in the feed, who is told of them, the dashboard's counts.
pub const PULSE: &str = "pulse";
/// Rows that are over.
pub const PURGE: &str = "purge";
/// Small copies of photos, files whose server fell, blobs that nobody needs.
pub const FILES: &str = "files";
/// What leaves for others.
pub const DELIVERY: &str = "delivery";

/// Something that runs beside requests, for ever. It may be dropped and started again at any moment.
pub struct Worker {
    pub name: &'static str,
    run: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Worker {
    pub fn new<F>(name: &'static str, run: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            name,
            run: Box::new(move || Box::pin(run())),
        }
    }

    /// Its work from the beginning.
    pub fn run(&self) -> BoxFuture<'static, ()> {
        (self.run)()
    }
}

/// Those that a site needs to keep its promises.
pub fn all_workers(services: &Services) -> Vec<Worker> {
    let store = services.store().clone();
    let channels = services.delivery_worker().channels();
    let (zona, delays) = (services.zona().clone(), services.escalation_delays());
    let (files, delivery) = (services.files().clone(), services.delivery_worker().clone());
    let (pulsed, purged) = (store.clone(), store.clone());
    vec![
        Worker::new(PULSE, move || pulse::run(pulsed.clone(), channels)),
        Worker::new(ESCALATION, move || {
            escalation::run(store.clone(), delays, zona.clone(), channels)
        }),
        Worker::new(PURGE, move || purge::run(purged.clone())),
        Worker::new(FILES, move || files.clone().run()),
        Worker::new(DELIVERY, move || delivery.clone().run()),
    ]
}
