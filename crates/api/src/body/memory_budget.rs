//! Memory for the bodies of sync calls: so much for all, and of that a part for each person, so that
//! nobody who sends slowly keeps the others out. A body holds its place until its answer is made.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sigra_domain::Rut;

/// KiB for all of them together.
const TOTAL_KIB: usize = 64 * 1024;
/// KiB for those of one person: two of the largest, with their answers.
const PER_PERSONA_KIB: usize = 2 * (8 * 1024 + 256);

/// What is taken, in KiB.
#[derive(Debug, Default)]
struct ReservedMemory {
    total: usize,
    personas: HashMap<Rut, usize>,
}

/// The memory of one server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct MemoryBudget(Arc<Mutex<ReservedMemory>>);

/// A place in it, given back when it is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: MemoryBudget,
    rut: Rut,
    kib: usize,
}

/// There is no more room now.
#[derive(Debug)]
pub struct BudgetExhausted;

impl MemoryBudget {
    /// A place that holds nothing yet.
    pub fn slot(&self, rut: Rut) -> Reservation {
        Reservation {
            budget: self.clone(),
            rut,
            kib: 0,
        }
    }

    /// What is taken of it, in KiB.
    pub fn used_kib(&self) -> usize {
        self.lock().total
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ReservedMemory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Makes it as large as that many bytes, if it is not.
    pub fn grow(&mut self, bytes: usize) -> Result<(), BudgetExhausted> {
        let mas = bytes.div_ceil(1024).saturating_sub(self.kib);
        if mas == 0 {
            return Ok(());
        }
        let mut taken = self.budget.lock();
        let suyo = taken.personas.get(&self.rut).copied().unwrap_or(0);
        if taken.total + mas > TOTAL_KIB || suyo + mas > PER_PERSONA_KIB {
            return Err(BudgetExhausted);
        }
        taken.total += mas;
        taken.personas.insert(self.rut, suyo + mas);
        drop(taken);
        self.kib += mas;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut taken = self.budget.lock();
        taken.total -= self.kib;
        if let Some(suyo) = taken.personas.get_mut(&self.rut) {
            *suyo -= self.kib;
            if *suyo == 0 {
                taken.personas.remove(&self.rut);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sigra_domain::Rut;

    use super::MemoryBudget;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn nobody_takes_what_is_for_all() {
        let p = MemoryBudget::default();
        let slot = |n| p.slot(Rut::new(n).unwrap());
        let (mut uno, mut dos) = (slot(1), slot(1));
        let mayor = 8 * MIB + MIB / 4;
        uno.grow(mayor).unwrap();
        dos.grow(3).unwrap();
        dos.grow(mayor).unwrap();
        dos.grow(mayor).unwrap();
        assert!(slot(1).grow(1).is_err(), "su parte está llena");
        // 64 MiB in all: 16.5 of the first, five of 8 and one of 7.5.
        let otros: Vec<_> = (2..8)
            .map(|n| {
                let mut l = slot(n);
                l.grow(if n < 7 { 8 * MIB } else { 7 * MIB + MIB / 2 })
                    .unwrap();
                l
            })
            .collect();
        assert!(slot(9).grow(1).is_err(), "no queda para nadie");
        drop(uno);
        let mut otra = slot(9);
        otra.grow(mayor).unwrap();
        drop((otros, dos, otra));
        let taken = p.lock();
        assert_eq!((taken.total, taken.personas.len()), (0, 0));
    }
}
