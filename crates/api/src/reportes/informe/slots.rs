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
    de: Slots,
    rut: Rut,
}

impl Slots {
    fn with_lock<T>(&self, hace: impl FnOnce(&mut HashSet<Rut>) -> T) -> T {
        // Nothing in here can stop halfway.
        hace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `None` while this person has one, or too many others do.
    pub fn take(&self, rut: Rut) -> Option<Slot> {
        let cabe = self.with_lock(|suyos| suyos.len() < MAX_IN_FLIGHT && suyos.insert(rut));
        cabe.then(|| Slot {
            de: self.clone(),
            rut,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.de.with_lock(|suyos| suyos.remove(&self.rut));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_and_few_in_all() {
        let lugares = Slots::default();
        let rut = |n| Rut::new(n).unwrap();
        let primero = lugares.take(rut(1)).unwrap();
        assert!(lugares.take(rut(1)).is_none());
        let otros: Vec<Slot> = (2..=4).filter_map(|n| lugares.take(rut(n))).collect();
        assert_eq!(otros.len(), 3);
        assert!(lugares.take(rut(5)).is_none());
        drop(primero);
        let _quinto = lugares.take(rut(5)).unwrap();
        assert!(lugares.take(rut(1)).is_none());
    }
}
