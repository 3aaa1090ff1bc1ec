//! A person on the wire, and the fields that a body may set.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};
use sigra_domain::{
    Field, FieldErrorKind, Rol, Rut,
    campo::{FieldErrors, tipo},
};
use sigra_store::identity::Usuario as UsuarioRow;
use utoipa::ToSchema;

use crate::reportes::lista;

/// Una persona.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "rut": 12_345_678, "rut_formateado": "12.345.678-5", "nombre": "Rosa", "apellido_1": "Díaz",
    "apellido_2": null, "rol": "supervisor", "cargo": 3, "areas": [1, 4], "email": "rosa@faena.cl",
    "activo": true, "creado": "2026-01-05T12:00:00.000Z"
}))]
pub struct Usuario {
    pub rut: i64,
    pub rut_formateado: String,
    pub nombre: String,
    pub apellido_1: String,
    pub apellido_2: Option<String>,
    pub rol: Rol,
    /// 1 administrador, 2 trabajador, 3 supervisor.
    pub cargo: i64,
    /// Las áreas a cargo de un supervisor.
    pub areas: Vec<i64>,
    pub email: Option<String>,
    pub activo: bool,
    #[schema(format = DateTime)]
    pub creado: String,
}

impl From<UsuarioRow> for Usuario {
    fn from(u: UsuarioRow) -> Self {
        Self {
            rut: u.rut.body(),
            rut_formateado: u.rut.formatted(),
            nombre: u.nombre,
            apellido_1: u.apellido_1,
            apellido_2: u.apellido_2,
            cargo: u.rol.cargo(),
            rol: u.rol,
            areas: u.areas,
            email: u.email,
            activo: u.activo,
            creado: u.creado.to_string(),
        }
    }
}

/// A RUT in a body: its integer or one of its written forms.
#[derive(ToSchema)]
#[schema(
    as = Rut,
    description = "Un RUT: `12345678`, `\"12345678\"`, `\"12345678-5\"` o `\"12.345.678-5\"`."
)]
#[serde(untagged)]
pub enum RutDicho {
    Numero(i64),
    Texto(String),
}

/// By hand, since `untagged` is only for the description: serde would keep a copy of whatever comes before
/// it tries the one and the other.
impl<'de> Deserialize<'de> for RutDicho {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RutVisitor;

        impl Visitor<'_> for RutVisitor {
            type Value = RutDicho;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("un RUT")
            }

            fn visit_i64<E: de::Error>(self, n: i64) -> Result<RutDicho, E> {
                Ok(RutDicho::Numero(n))
            }

            fn visit_u64<E: de::Error>(self, n: u64) -> Result<RutDicho, E> {
                i64::try_from(n).map(RutDicho::Numero).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, t: &str) -> Result<RutDicho, E> {
                Ok(RutDicho::Texto(t.to_owned()))
            }
        }

        deserializer.deserialize_any(RutVisitor)
    }
}

/// The RUT of a body, with an error of its own for a check digit that is another number's.
pub fn parse_rut(e: &mut FieldErrors, campo: &str, valor: Field<RutDicho>) -> Option<Rut> {
    let rut = match e.required(campo, valor, tipo::RUT)? {
        RutDicho::Numero(n) => lista::parse_rut(&n.to_string()),
        RutDicho::Texto(t) => lista::parse_rut(&t),
    };
    e.take(campo, rut)
}

pub fn parse_rol(t: &str) -> Result<Rol, FieldErrorKind> {
    Rol::from_name(t).ok_or(FieldErrorKind::Formato(
        "administrador, supervisor o trabajador",
        "administrador, supervisor or trabajador",
    ))
}

/// The areas of a supervisor: at most 100, each once.
pub fn areas(e: &mut FieldErrors, valor: Field<Vec<i64>>) -> Option<Vec<i64>> {
    let mut areas = e.optional("areas", valor, tipo::LIST)?;
    if areas.len() > 100 {
        e.add("areas", FieldErrorKind::Demasiados { max: 100 });
    }
    areas.sort_unstable();
    areas.dedup();
    Some(areas)
}
