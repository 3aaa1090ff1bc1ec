//! The people of the demo. All made up: names that are common in Chile, RUTs in a row.

use sigra_domain::{Rol, Rut};

const FIRST_RUT: i64 = 20_000_001;
pub(super) const SUPERVISORES: usize = 3;

const FIRST_NAMES: [&str; 20] = [
    "Camila",
    "Matías",
    "Javiera",
    "Diego",
    "Francisca",
    "Sebastián",
    "Constanza",
    "Nicolás",
    "Valentina",
    "Felipe",
    "Catalina",
    "Ignacio",
    "Antonia",
    "Rodrigo",
    "Daniela",
    "Cristóbal",
    "Paula",
    "Gonzalo",
    "Isidora",
    "Mauricio",
];
const SURNAMES: [&str; 23] = [
    "González",
    "Muñoz",
    "Rojas",
    "Díaz",
    "Pérez",
    "Soto",
    "Contreras",
    "Silva",
    "Martínez",
    "Sepúlveda",
    "Morales",
    "Rodríguez",
    "López",
    "Fuentes",
    "Hernández",
    "Torres",
    "Araya",
    "Flores",
    "Espinoza",
    "Valenzuela",
    "Castillo",
    "Tapia",
    "Ñancupil",
];

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Persona {
    pub(super) rut: Rut,
    pub(super) nombre: &'static str,
    pub(super) apellido_1: &'static str,
    pub(super) apellido_2: &'static str,
    pub(super) rol: Rol,
    /// Of a supervisor; the other roles have none.
    pub(super) areas: Vec<i64>,
}

impl Persona {
    /// The `n`th one; `None` only beyond the last RUT there is.
    fn new(n: usize, rol: Rol, areas: Vec<i64>) -> Option<Self> {
        let rut = Rut::new(FIRST_RUT.checked_add(i64::try_from(n).ok()?)?).ok()?;
        // The lists differ in length and share no factor, so that names repeat late.
        let toma = |lista: &[&'static str], i: usize| lista.get(i % lista.len()).copied();
        Some(Self {
            rut,
            nombre: toma(&FIRST_NAMES, n)?,
            apellido_1: toma(&SURNAMES, n)?,
            apellido_2: toma(&SURNAMES, n * 7 + 5)?,
            rol,
            areas,
        })
    }

    pub(super) fn full_name(&self) -> String {
        format!("{} {} {}", self.nombre, self.apellido_1, self.apellido_2)
    }
}

/// The first person, who makes all others.
pub(super) fn administrador() -> Option<Persona> {
    Persona::new(0, Rol::Administrador, Vec::new())
}

/// Everybody else: the supervisores, who share all `areas` among them, and the trabajadores.
pub(super) fn team(areas: &[i64], trabajadores: usize) -> Option<Vec<Persona>> {
    let porcion = areas.len().div_ceil(SUPERVISORES).max(1);
    let mut porciones = areas.chunks(porcion);
    (1..=SUPERVISORES + trabajadores)
        .map(|n| {
            if n <= SUPERVISORES {
                let suyas = porciones.next().unwrap_or_default().to_vec();
                Persona::new(n, Rol::Supervisor, suyas)
            } else {
                Persona::new(n, Rol::Trabajador, Vec::new())
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sigra_domain::Rol;

    use super::{administrador, team};

    #[test]
    fn all_areas_have_one_supervisor() {
        let areas: Vec<i64> = (1..=10).collect();
        let equipo = team(&areas, 20).unwrap();
        assert_eq!(equipo.len(), 23);
        let cubiertas: Vec<i64> = equipo.iter().flat_map(|p| p.areas.clone()).collect();
        assert_eq!(cubiertas, areas);
        for p in &equipo {
            assert_eq!(p.rol == Rol::Supervisor, !p.areas.is_empty());
        }
    }

    #[test]
    fn nobody_is_somebody_else() {
        let mut todos = team(&[1], 200).unwrap();
        todos.push(administrador().unwrap());
        let ruts: HashSet<_> = todos.iter().map(|p| p.rut).collect();
        let nombres: HashSet<_> = todos.iter().map(super::Persona::full_name).collect();
        assert_eq!((ruts.len(), nombres.len()), (204, 204));
        assert_eq!(administrador().unwrap().rut.formatted(), "20.000.001-3");
    }
}
