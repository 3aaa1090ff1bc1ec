//! Who may see and do what. Every route asks these functions; none decides by itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Rut;

/// A person's role; `cargo` is its number in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(description = "El rol de una persona.")]
pub enum Rol {
    Administrador,
    Trabajador,
    Supervisor,
}

impl Rol {
    pub const ALL: [Self; 3] = [Self::Administrador, Self::Trabajador, Self::Supervisor];

    pub fn cargo(self) -> i64 {
        match self {
            Self::Administrador => 1,
            Self::Trabajador => 2,
            Self::Supervisor => 3,
        }
    }

    pub fn from_cargo(cargo: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.cargo() == cargo)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Administrador => "administrador",
            Self::Trabajador => "trabajador",
            Self::Supervisor => "supervisor",
        }
    }

    pub fn from_name(nombre: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == nombre)
    }

    /// Whether whoever has it may decide reports, be it of some areas.
    pub fn decides(self) -> bool {
        self != Self::Trabajador
    }
}

/// The person who asks, as the database knows them now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quien {
    pub rut: Rut,
    pub rol: Rol,
    /// The areas given to a supervisor; meaningless for the other roles.
    pub areas: Vec<i64>,
}

impl Quien {
    /// Whether the reports of all areas and authors are theirs to see.
    pub fn sees_all(&self) -> bool {
        self.rol == Rol::Administrador
    }

    /// The areas whose reports they see and decide as supervisor.
    pub fn supervised_areas(&self) -> &[i64] {
        if self.rol == Rol::Supervisor {
            &self.areas
        } else {
            &[]
        }
    }

    /// May see a report of `autor` in `area_id`, its files and its bitácora.
    pub fn can_see(&self, autor: Rut, area_id: i64) -> bool {
        autor == self.rut || self.can_decide(area_id)
    }

    /// May decide the reports of `area_id`. Deciding one's own report is not forbidden: in a small
    /// crew the supervisor who sees the rock is the one who closes the drift, and the bitácora
    /// shows both names.
    pub fn can_decide(&self, area_id: i64) -> bool {
        self.sees_all() || self.supervised_areas().contains(&area_id)
    }

    /// May change the content of a report that is not decided.
    pub fn can_edit(&self, autor: Rut, area_id: i64) -> bool {
        self.can_see(autor, area_id)
    }

    /// May withdraw a report.
    pub fn can_retirar(&self) -> bool {
        self.rol == Rol::Administrador
    }
}

#[cfg(test)]
mod tests {
    use super::{Quien, Rol};
    use crate::Rut;

    #[test]
    fn who_may_what() {
        let (yo, otro) = (Rut::new(1).unwrap(), Rut::new(2).unwrap());
        // rol, areas, author is me, area → see, decide
        let table = [
            (Rol::Trabajador, vec![], true, 1, true, false),
            (Rol::Trabajador, vec![], false, 1, false, false),
            // Areas left over from an earlier role give nothing.
            (Rol::Trabajador, vec![1], false, 1, false, false),
            (Rol::Supervisor, vec![], true, 1, true, false),
            (Rol::Supervisor, vec![1, 2], false, 1, true, true),
            (Rol::Supervisor, vec![2], false, 1, false, false),
            (Rol::Administrador, vec![], false, 1, true, true),
        ];
        for (rol, areas, mine, area, see, decide) in table {
            let quien = Quien {
                rut: yo,
                rol,
                areas,
            };
            let autor = if mine { yo } else { otro };
            assert_eq!(quien.can_see(autor, area), see, "{quien:?}");
            assert_eq!(quien.can_decide(area), decide, "{quien:?}");
            assert_eq!(quien.can_edit(autor, area), see, "{quien:?}");
            assert_eq!(quien.can_retirar(), rol == Rol::Administrador);
        }
    }
}
