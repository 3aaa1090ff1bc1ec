//! What the fields of a person may hold.

use crate::{FieldErrorKind, campo::text};

const MAX_NOMBRE: usize = 80;

/// A name or surname of 1 to 80 characters; spaces around it are dropped.
pub fn name(t: &str) -> Result<String, FieldErrorKind> {
    text(t.trim().to_owned(), 1, MAX_NOMBRE, false)
}

/// An address with something on both sides of its last `@`; whether it is read, only mail tells.
pub fn email(t: &str) -> Result<String, FieldErrorKind> {
    let t = text(t.trim().to_owned(), 3, 254, false)?;
    let valido = t
        .rsplit_once('@')
        .is_some_and(|(a, b)| !a.is_empty() && b.contains('.'))
        && !t.contains(char::is_whitespace);
    if valido {
        Ok(t)
    } else {
        Err(FieldErrorKind::Formato("nombre@faena.cl", "name@site.com"))
    }
}

#[cfg(test)]
mod tests {
    use super::{email, name};

    #[test]
    fn names_and_addresses() {
        assert_eq!(name("  Rosa "), Ok("Rosa".to_owned()));
        for bad in ["", "   ", "a\nb", &"x".repeat(81)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        for ok in ["a@b.cl", "ñandú@faena.cl", "\"a@b\"@c.cl"] {
            assert!(email(ok).is_ok(), "{ok}");
        }
        for bad in [
            "",
            "a",
            "@b.cl",
            "a@b",
            "a b@c.cl",
            &format!("{}@c.cl", "x".repeat(255)),
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}
