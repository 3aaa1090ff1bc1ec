//! Fields as clients send them, and what can be wrong with one.
//!
//! A body is read field by field: a wrong one becomes an [`FieldError`] and the others are still
//! judged, so that a client learns of all its mistakes at once and one bad field never hides behind
//! a parser's message. [`Field`] also keeps the difference between absent (unchanged) and null
//! (cleared), which an edit needs.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer,
    },
};
use serde_json::value::RawValue;

use crate::Language;

/// One field of a body.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field<T> {
    /// Not in the body.
    #[default]
    Ausente,
    /// `null`.
    Nulo,
    Valor(T),
    /// Present, and not of the field's type.
    Invalido,
}

/// The field is first taken as text: a tree of whatever a stranger sends in the place of a title
/// would take a hundred times the memory of the body.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let crudo = Box::<RawValue>::deserialize(deserializer)?;
        Ok(match crudo.get() {
            "null" => Self::Nulo,
            json => serde_json::from_str(json).map_or(Self::Invalido, Self::Valor),
        })
    }
}

/// A nested object: serde alone would also read a list as a struct's fields in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonObject<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for ObjectVisitor<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("un objeto")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer
            .deserialize_map(ObjectVisitor(PhantomData))
            .map(Self)
    }
}

/// A list of which no more than one beyond `MAX` is kept: enough to see that there are too many.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoundedList<T, const MAX: usize>(pub Vec<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for BoundedList<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("una lista")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                let mut elementos = Vec::new();
                while elementos.len() <= MAX {
                    match seq.next_element()? {
                        Some(elemento) => elementos.push(elemento),
                        None => return Ok(elementos),
                    }
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(elementos)
            }
        }

        let elementos = ListVisitor::<T, MAX>(PhantomData);
        deserializer.deserialize_seq(elementos).map(Self)
    }
}

/// What is wrong with one field; `codigo` is stable, the sentence is for people.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldErrorKind {
    Requerido,
    /// The JSON type is another: what was expected, in both languages.
    Tipo(&'static str, &'static str),
    Largo {
        min: usize,
        max: usize,
    },
    Rango {
        min: String,
        max: String,
    },
    Caracter,
    Formato(&'static str, &'static str),
    NoExiste,
    Repetido,
    DigitoVerificador,
    /// Not one of the fields that clash.
    NoEnConflicto,
    Demasiados {
        max: usize,
    },
}

impl FieldErrorKind {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Requerido => "requerido",
            Self::Tipo(..) => "tipo",
            Self::Largo { .. } => "largo",
            Self::Rango { .. } => "rango",
            Self::Caracter => "caracter_no_permitido",
            Self::Formato(..) => "formato",
            Self::NoExiste => "no_existe",
            Self::Repetido => "repetido",
            Self::DigitoVerificador => "digito_verificador",
            Self::NoEnConflicto => "no_en_conflicto",
            Self::Demasiados { .. } => "demasiados",
        }
    }

    pub fn message(&self, idioma: Language) -> String {
        let es = idioma == Language::Es;
        match self {
            Self::Requerido => idioma
                .pick("Falta este dato.", "This value is missing.")
                .into(),
            Self::Tipo(t_es, _) if es => format!("Debe ser {t_es}."),
            Self::Tipo(_, t_en) => format!("It must be {t_en}."),
            Self::Largo { min: 0, max } if es => format!("Use como máximo {max} caracteres."),
            Self::Largo { min: 0, max } => format!("Use at most {max} characters."),
            Self::Largo { min, max } if es => format!("Use entre {min} y {max} caracteres."),
            Self::Largo { min, max } => format!("Use between {min} and {max} characters."),
            Self::Rango { min, max } if es => format!("Debe estar entre {min} y {max}."),
            Self::Rango { min, max } => format!("It must be between {min} and {max}."),
            Self::Caracter => idioma
                .pick(
                    "Contiene un carácter que no se puede guardar; escríbalo de nuevo sin él.",
                    "It contains a character that can't be stored; write it again without it.",
                )
                .into(),
            Self::Formato(f_es, f_en) => {
                if es {
                    format!("Escríbalo así: {f_es}.")
                } else {
                    format!("Write it as {f_en}.")
                }
            }
            Self::NoExiste => idioma
                .pick(
                    "No existe en el catálogo o ya no se usa; elija otro valor.",
                    "It is not in the catalogue or no longer in use; choose another value.",
                )
                .into(),
            Self::Repetido => idioma.pick("Está repetido.", "It is repeated.").into(),
            Self::DigitoVerificador => idioma
                .pick(
                    "El dígito verificador no corresponde; revise el RUT.",
                    "The check digit does not match; check the RUT.",
                )
                .into(),
            Self::NoEnConflicto => idioma
                .pick(
                    "Este campo no está en conflicto; quítelo.",
                    "This field does not clash; leave it out.",
                )
                .into(),
            Self::Demasiados { max } if es => format!("Envíe como máximo {max}."),
            Self::Demasiados { max } => format!("Send at most {max}."),
        }
    }
}

/// A wrong field by its path in the body (`multimedia[2].sha256`).
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    pub campo: String,
    pub falla: FieldErrorKind,
}

/// Collects the errors of one body while its fields are read.
#[derive(Debug, Default)]
pub struct FieldErrors {
    lista: Vec<FieldError>,
}

impl FieldErrors {
    /// At most this many are told; the rest of a hopeless body would only fill the answer.
    const MAX: usize = 50;

    pub fn add(&mut self, campo: impl Into<String>, falla: FieldErrorKind) {
        if self.lista.len() < Self::MAX {
            self.lista.push(FieldError {
                campo: campo.into(),
                falla,
            });
        }
    }

    /// The value of `r`, or `None` with its failure noted under `campo`.
    pub fn take<T>(&mut self, campo: &str, r: Result<T, FieldErrorKind>) -> Option<T> {
        r.map_err(|falla| self.add(campo, falla)).ok()
    }

    /// A field that must be there; `tipo` says what it is in both languages.
    pub fn required<T>(
        &mut self,
        campo: &str,
        valor: Field<T>,
        tipo: (&'static str, &'static str),
    ) -> Option<T> {
        match valor {
            Field::Valor(v) => Some(v),
            Field::Ausente | Field::Nulo => {
                self.add(campo, FieldErrorKind::Requerido);
                None
            }
            Field::Invalido => {
                self.add(campo, FieldErrorKind::Tipo(tipo.0, tipo.1));
                None
            }
        }
    }

    /// A field that may be absent or null.
    pub fn optional<T>(
        &mut self,
        campo: &str,
        valor: Field<T>,
        tipo: (&'static str, &'static str),
    ) -> Option<T> {
        match valor {
            Field::Ausente | Field::Nulo => None,
            otro => self.required(campo, otro, tipo),
        }
    }

    /// `Ok` with `valor` when nothing was wrong.
    pub fn finish<T>(self, valor: Option<T>) -> Result<T, Vec<FieldError>> {
        match valor {
            Some(v) if self.lista.is_empty() => Ok(v),
            _ => Err(self.lista),
        }
    }

    pub fn has_errors(&self) -> bool {
        !self.lista.is_empty()
    }
}

/// The names of JSON types for [`FieldErrorKind::Tipo`].
pub mod tipo {
    pub const STRING: (&str, &str) = ("un texto", "a string");
    pub const INTEGER: (&str, &str) = ("un número entero", "an integer");
    pub const NUMBER: (&str, &str) = ("un número", "a number");
    pub const LIST: (&str, &str) = ("una lista", "a list");
    pub const OBJECT: (&str, &str) = ("un objeto", "an object");
    pub const BOOLEAN: (&str, &str) = ("true o false", "true or false");
    pub const RUT: (&str, &str) = (
        "un RUT como 12345678 o \"12.345.678-5\"",
        "a RUT like 12345678 or \"12.345.678-5\"",
    );
}

/// A text of `min` to `max` characters without NUL (PostgreSQL can't store it) and, where `lineas`
/// is false, without line breaks or other control characters.
pub fn text(valor: String, min: usize, max: usize, lineas: bool) -> Result<String, FieldErrorKind> {
    let prohibido = |c: char| c == '\0' || (!lineas && c.is_control());
    if valor.contains(prohibido) {
        return Err(FieldErrorKind::Caracter);
    }
    // `len` first: counting characters of a huge text would cost more than refusing it.
    let largo = if valor.len() > max * 4 {
        usize::MAX
    } else {
        valor.chars().count()
    };
    let vacio = min > 0 && valor.trim().is_empty();
    if vacio || !(min..=max).contains(&largo) {
        return Err(FieldErrorKind::Largo { min, max });
    }
    Ok(valor)
}
