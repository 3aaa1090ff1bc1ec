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
const POR_PERSONA_KIB: usize = 2 * (8 * 1024 + 256);

/// What is taken, in KiB.
#[derive(Debug, Default)]
struct Tomado {
    total: usize,
    personas: HashMap<Rut, usize>,
}

/// The memory of one server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Presupuesto(Arc<Mutex<Tomado>>);

/// A place in it, given back when it is dropped.
#[derive(Debug)]
pub struct Lugar {
    presupuesto: Presupuesto,
    rut: Rut,
    kib: usize,
}

/// There is no more room now.
#[derive(Debug)]
pub struct Lleno;

impl Presupuesto {
    /// A place that holds nothing yet.
    pub fn lugar(&self, rut: Rut) -> Lugar {
        Lugar {
            presupuesto: self.clone(),
            rut,
            kib: 0,
        }
    }

    /// What is taken of it, in KiB.
    pub fn tomado_kib(&self) -> usize {
        self.tomado().total
    }

    fn tomado(&self) -> std::sync::MutexGuard<'_, Tomado> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lugar {
    /// Makes it as large as that many bytes, if it is not.
    pub fn crece(&mut self, bytes: usize) -> Result<(), Lleno> {
        let mas = bytes.div_ceil(1024).saturating_sub(self.kib);
        if mas == 0 {
            return Ok(());
        }
        let mut tomado = self.presupuesto.tomado();
        let suyo = tomado.personas.get(&self.rut).copied().unwrap_or(0);
        if tomado.total + mas > TOTAL_KIB || suyo + mas > POR_PERSONA_KIB {
            return Err(Lleno);
        }
        tomado.total += mas;
        tomado.personas.insert(self.rut, suyo + mas);
        drop(tomado);
        self.kib += mas;
        Ok(())
    }
}

impl Drop for Lugar {
    fn drop(&mut self) {
        let mut tomado = self.presupuesto.tomado();
        tomado.total -= self.kib;
        if let Some(suyo) = tomado.personas.get_mut(&self.rut) {
            *suyo -= self.kib;
            if *suyo == 0 {
                tomado.personas.remove(&self.rut);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sigra_domain::Rut;

    use super::Presupuesto;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn nobody_takes_what_is_for_all() {
        let p = Presupuesto::default();
        let lugar = |n| p.lugar(Rut::new(n).unwrap());
        let (mut uno, mut dos) = (lugar(1), lugar(1));
        let mayor = 8 * MIB + MIB / 4;
        uno.crece(mayor).unwrap();
        dos.crece(3).unwrap();
        dos.crece(mayor).unwrap();
        dos.crece(mayor).unwrap();
        assert!(lugar(1).crece(1).is_err(), "su parte está llena");
        // 64 MiB in all: 16.5 of the first, five of 8 and one of 7.5.
        let otros: Vec<_> = (2..8)
            .map(|n| {
                let mut l = lugar(n);
                l.crece(if n < 7 { 8 * MIB } else { 7 * MIB + MIB / 2 })
                    .unwrap();
                l
            })
            .collect();
        assert!(lugar(9).crece(1).is_err(), "no queda para nadie");
        drop(uno);
        let mut otra = lugar(9);
        otra.crece(mayor).unwrap();
        drop((otros, dos, otra));
        let tomado = p.tomado();
        assert_eq!((tomado.total, tomado.personas.len()), (0, 0));
    }
}
