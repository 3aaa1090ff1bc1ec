//! How the workers beside the requests fare: `/readyz` names those that are down, and metrics may read
//! how often each fell.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// By name.
pub type WorkerStatuses = BTreeMap<&'static str, WorkerStatus>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerStatus {
    pub is_up: bool,
    /// How often it panicked or ended since the server started.
    pub failures: u64,
}

/// Cheap to clone; the clones tell of the same workers.
#[derive(Clone, Debug, Default)]
pub struct WorkerHealth(watch::Sender<WorkerStatuses>);

impl WorkerHealth {
    pub fn set_up(&self, name: &'static str) {
        self.0
            .send_modify(|all| all.entry(name).or_default().is_up = true);
    }

    /// It is down until [`set_up`](Self::set_up). How often it failed.
    pub fn record_failure(&self, name: &'static str) -> u64 {
        let mut failures = 0;
        self.0.send_modify(|all| {
            let status = all.entry(name).or_default();
            status.is_up = false;
            status.failures += 1;
            failures = status.failures;
        });
        failures
    }

    pub fn down(&self) -> Vec<&'static str> {
        let all = self.0.borrow();
        let down = all.iter().filter(|(_, status)| !status.is_up);
        down.map(|(name, _)| *name).collect()
    }

    pub fn failures(&self, name: &str) -> u64 {
        self.0.borrow().get(name).map_or(0, |s| s.failures)
    }

    /// To wait for a change.
    pub fn subscribe(&self) -> watch::Receiver<WorkerStatuses> {
        self.0.subscribe()
    }
}
