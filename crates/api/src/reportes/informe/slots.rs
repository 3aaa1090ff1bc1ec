//! Who has a document under way: few at once, and one of each person.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use sigra_domain::Rut;

/// Documents that are prepared: one of them is set at a time, the others wait for it.
const MAX_IN_FLIGHT: usize = 4;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Slots(Arc<Mutex<HashSet<Rut>>>);

/// Given back when dropped.
pub struct Slot {
    slots: Slots,
    rut: Rut,
}

impl Slots {
    fn with_lock<T>(&self, act: impl FnOnce(&mut HashSet<Rut>) -> T) -> T {
        // Nothing in here can stop halfway.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `None` while this person has one, or too many others do.
    pub fn take(&self, rut: Rut) -> Option<Slot> {
        let fits = self.with_lock(|taken| taken.len() < MAX_IN_FLIGHT && taken.insert(rut));
        fits.then(|| Slot {
            slots: self.clone(),
            rut,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.with_lock(|taken| taken.remove(&self.rut));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_and_few_in_all() {
        let slots = Slots::default();
        let rut = |n| Rut::new(n).unwrap();
        let first = slots.take(rut(1)).unwrap();
        assert!(slots.take(rut(1)).is_none());
        let others: Vec<Slot> = (2..=4).filter_map(|n| slots.take(rut(n))).collect();
        assert_eq!(others.len(), 3);
        assert!(slots.take(rut(5)).is_none());
        drop(first);
        let _fifth = slots.take(rut(5)).unwrap();
        assert!(slots.take(rut(1)).is_none());
    }
}
