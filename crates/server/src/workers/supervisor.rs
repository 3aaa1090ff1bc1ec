//! Keeps workers running: one that panics or ends is told, counted and started again, with backoff.

use std::{any::Any, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use sigra_api::WorkerHealth;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::Worker;

/// Doubled by each failure in a row.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_mins(1);
/// A worker that ran that long was well: its next failure is the first of a row.
const STEADY: Duration = Duration::from_mins(5);

/// Starts them. They run until the set is dropped.
pub(crate) fn supervise(workers: Vec<Worker>, health: &WorkerHealth) -> JoinSet<()> {
    let keep = |worker| keep_running(worker, health.clone());
    workers.into_iter().map(keep).collect()
}

async fn keep_running(worker: Worker, health: WorkerHealth) {
    let mut delay = FIRST_DELAY;
    loop {
        health.set_up(worker.name);
        let started = Instant::now();
        // Inside a block, so that a panic before its first await is caught too.
        let run = AssertUnwindSafe(async { worker.run().await });
        let motivo = match run.catch_unwind().await {
            Ok(()) => "terminó".to_owned(),
            Err(panic) => panic_message(&*panic),
        };
        if started.elapsed() >= STEADY {
            delay = FIRST_DELAY;
        }
        let caidas = health.record_failure(worker.name);
        let (trabajo, segundos) = (worker.name, delay.as_secs());
        tracing::error!(
            trabajo,
            motivo,
            caidas,
            segundos,
            "un trabajo del servidor se detuvo; se reinicia en unos segundos"
        );
        sleep(delay).await;
        delay = MAX_DELAY.min(delay * 2);
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("pánico: {}", text.unwrap_or("sin texto"))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use sigra_api::WorkerHealth;
    use tokio::{
        sync::{mpsc, watch},
        time::Instant,
    };

    use super::{super::Worker, MAX_DELAY, STEADY, supervise};

    /// Sends when it starts, runs for a while and ends.
    fn ending_after(life: Duration) -> (Worker, mpsc::UnboundedReceiver<Instant>) {
        let (starts, started) = mpsc::unbounded_channel();
        let worker = Worker::new("prueba", move || {
            let starts = starts.clone();
            async move {
                starts.send(Instant::now()).ok();
                tokio::time::sleep(life).await;
            }
        });
        (worker, started)
    }

    /// Seconds from each end to the next start.
    async fn delays(life: Duration, starts: usize) -> Vec<u64> {
        let (worker, mut started) = ending_after(life);
        let _workers = supervise(vec![worker], &WorkerHealth::default());
        let mut last = started.recv().await.unwrap();
        let mut delays = vec![];
        for _ in 1..starts {
            let next = started.recv().await.unwrap();
            delays.push((next - last).saturating_sub(life).as_secs());
            last = next;
        }
        delays
    }

    #[tokio::test(start_paused = true)]
    async fn the_delay_doubles_and_is_bounded() {
        let found = delays(Duration::ZERO, 9).await;
        assert_eq!(found, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(found.last(), Some(&MAX_DELAY.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn after_it_ran_well_the_delay_begins_anew() {
        assert_eq!(delays(STEADY, 4).await, [1, 1, 1]);
        assert_eq!(
            delays(STEADY.saturating_sub(Duration::from_secs(1)), 4).await,
            [1, 2, 4]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_panics_leaves_the_others_alone() {
        let health = WorkerHealth::default();
        let (alive, mut dropped) = watch::channel(());
        let steady = Worker::new("sano", move || {
            let alive = alive.clone();
            async move {
                std::future::pending::<()>().await;
                drop(alive);
            }
        });
        let broken = Worker::new("roto", || async { panic!("a propósito") });
        let workers = supervise(vec![steady, broken], &health);
        let mut status = health.subscribe();
        let three = |s: &sigra_api::WorkerStatuses| s.get("roto").is_some_and(|s| s.failures == 3);
        status.wait_for(three).await.unwrap();
        assert_eq!(health.down(), ["roto"]);
        assert_eq!(health.failures("sano"), 0);
        // Nothing goes on without the set.
        drop(workers);
        assert!(dropped.changed().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_panics_before_it_is_awaited_is_caught() {
        let health = WorkerHealth::default();
        let run = || -> std::future::Ready<()> { panic!("al construirlo") };
        let _workers = supervise(vec![Worker::new("roto", run)], &health);
        let fell = |s: &sigra_api::WorkerStatuses| s.get("roto").is_some_and(|s| s.failures == 2);
        health.subscribe().wait_for(fell).await.unwrap();
    }

    #[test]
    fn any_panic_has_a_message() {
        let of = |panic: Arc<dyn std::any::Any + Send + Sync>| super::panic_message(&*panic);
        assert_eq!(of(Arc::new("uno")), "pánico: uno");
        assert_eq!(of(Arc::new("dos".to_owned())), "pánico: dos");
        assert_eq!(of(Arc::new(3)), "pánico: sin texto");
    }
}
