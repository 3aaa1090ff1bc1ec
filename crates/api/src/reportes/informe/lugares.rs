//! Who has a document under way: few at once, and one of each person.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use sigra_domain::Rut;

/// Documents that are prepared: one of them is set at a time, the others wait for it.
const EN_CURSO: usize = 4;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Lugares(Arc<Mutex<HashSet<Rut>>>);

/// Given back when dropped.
pub struct Lugar {
    de: Lugares,
    rut: Rut,
}

impl Lugares {
    fn con<T>(&self, hace: impl FnOnce(&mut HashSet<Rut>) -> T) -> T {
        // Nothing in here can stop halfway.
        hace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `None` while this person has one, or too many others do.
    pub fn toma(&self, rut: Rut) -> Option<Lugar> {
        let cabe = self.con(|suyos| suyos.len() < EN_CURSO && suyos.insert(rut));
        cabe.then(|| Lugar {
            de: self.clone(),
            rut,
        })
    }
}

impl Drop for Lugar {
    fn drop(&mut self) {
        self.de.con(|suyos| suyos.remove(&self.rut));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_and_few_in_all() {
        let lugares = Lugares::default();
        let rut = |n| Rut::new(n).unwrap();
        let primero = lugares.toma(rut(1)).unwrap();
        assert!(lugares.toma(rut(1)).is_none());
        let otros: Vec<Lugar> = (2..=4).filter_map(|n| lugares.toma(rut(n))).collect();
        assert_eq!(otros.len(), 3);
        assert!(lugares.toma(rut(5)).is_none());
        drop(primero);
        let _quinto = lugares.toma(rut(5)).unwrap();
        assert!(lugares.toma(rut(1)).is_none());
    }
}
