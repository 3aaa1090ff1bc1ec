//! The Chilean RUT: an integer body and a check digit by modulus 11.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A RUT's integer body, 1 to 99,999,999; the check digit follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rut(i64);

/// Why a text is not a RUT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidRut {
    /// Not of one of the forms `12345678`, `12345678-5`, `12.345.678-5`.
    Formato,
    /// The check digit belongs to another number.
    Digito,
}

impl Rut {
    pub const MAX: i64 = 99_999_999;

    /// From the integer body.
    pub fn new(cuerpo: i64) -> Result<Self, InvalidRut> {
        (1..=Self::MAX)
            .contains(&cuerpo)
            .then_some(Self(cuerpo))
            .ok_or(InvalidRut::Formato)
    }

    /// The integer body.
    pub fn body(self) -> i64 {
        self.0
    }

    /// The check digit, `0`–`9` or `K`: weights 2 to 7 from the right, modulus 11.
    pub fn check_digit(self) -> char {
        let (mut rest, mut weight, mut sum) = (self.0, 2, 0);
        while rest > 0 {
            sum += rest % 10 * weight;
            rest /= 10;
            weight = if weight == 7 { 2 } else { weight + 1 };
        }
        match 11 - sum % 11 {
            11 => '0',
            10 => 'K',
            n => char::from_digit(u32::try_from(n).unwrap_or(0), 10).unwrap_or('0'),
        }
    }

    /// `12345678`, `12345678-5` or `12.345.678-5`; spaces around it are forgiven. A hyphen must be
    /// followed by the right check digit; dots must stand at the thousands.
    pub fn parse(text: &str) -> Result<Self, InvalidRut> {
        let text = text.trim();
        let (cuerpo, digito) = match text.split_once('-') {
            Some((cuerpo, digito)) => (cuerpo, Some(digito)),
            None => (text, None),
        };
        let digits: String = if cuerpo.contains('.') {
            let mut groups = cuerpo.split('.');
            let first = groups.next().unwrap_or_default();
            let regular = (1..=3).contains(&first.len()) && groups.all(|g| g.len() == 3);
            if !regular {
                return Err(InvalidRut::Formato);
            }
            cuerpo.replace('.', "")
        } else {
            cuerpo.to_owned()
        };
        if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidRut::Formato);
        }
        let rut = Self::new(digits.parse().map_err(|_| InvalidRut::Formato)?)?;
        match digito.map(|d| (d.len(), d.chars().next())) {
            None => Ok(rut),
            Some((1, Some(d))) if d.is_ascii_digit() || d.eq_ignore_ascii_case(&'k') => {
                if d.to_ascii_uppercase() == rut.check_digit() {
                    Ok(rut)
                } else {
                    Err(InvalidRut::Digito)
                }
            }
            Some(_) => Err(InvalidRut::Formato),
        }
    }

    /// `12.345.678-5`.
    pub fn formatted(self) -> String {
        let digits = self.0.to_string();
        let mut out = String::with_capacity(12);
        for (i, c) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push('.');
            }
            out.push(c);
        }
        out.push('-');
        out.push(self.check_digit());
        out
    }
}

impl fmt::Display for Rut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Rut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rut({})", self.0)
    }
}

impl Serialize for Rut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

/// Accepts the integer body or any of the written forms.
impl<'de> Deserialize<'de> for Rut {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum RutRepr {
            Numero(i64),
            Texto(String),
        }
        match RutRepr::deserialize(deserializer)? {
            RutRepr::Numero(n) => Self::new(n),
            RutRepr::Texto(t) => Self::parse(&t),
        }
        .map_err(|_| serde::de::Error::custom("rut"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{InvalidRut, Rut};

    #[test]
    fn known_check_digits() {
        for (cuerpo, written) in [
            (12_345_678, "12.345.678-5"),
            (11_111_111, "11.111.111-1"),
            (6, "6-K"),
            (1, "1-9"),
            (7_654_321, "7.654.321-6"),
            (1_000_005, "1.000.005-K"),
            (99_999_999, "99.999.999-9"),
        ] {
            let rut = Rut::new(cuerpo).unwrap();
            assert_eq!(rut.formatted(), written);
            assert_eq!(Rut::parse(written), Ok(rut));
            assert_eq!(Rut::parse(&written.to_lowercase()), Ok(rut));
        }
    }

    #[test]
    fn what_is_not_a_rut() {
        use InvalidRut::{Digito, Formato};
        for (text, why) in [
            ("", Formato),
            ("0", Formato),
            ("-5", Formato),
            ("12345678-", Formato),
            ("12345678-4", Digito),
            ("12345678-k", Digito),
            ("12345678-55", Formato),
            ("12.34.678-5", Formato),
            ("1234.567-8", Formato),
            (".345.678-5", Formato),
            ("123456789", Formato),
            ("12 345 678", Formato),
            ("+1234567", Formato),
            ("１２３４５", Formato),
            ("12345678–5", Formato),
        ] {
            assert_eq!(Rut::parse(text), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_form_of_a_rut_reads_the_same(cuerpo in 1..=Rut::MAX) {
            let rut = Rut::new(cuerpo).unwrap();
            prop_assert_eq!(Rut::parse(&rut.to_string()), Ok(rut));
            prop_assert_eq!(Rut::parse(&rut.formatted()), Ok(rut));
            prop_assert_eq!(Rut::parse(&format!("{}-{}", cuerpo, rut.check_digit())), Ok(rut));
        }

        #[test]
        fn one_wrong_digit_is_noticed(cuerpo in 1..=Rut::MAX, delta in 1..=9_i64) {
            let rut = Rut::new(cuerpo).unwrap();
            let other = cuerpo - cuerpo % 10 + (cuerpo % 10 + delta) % 10;
            prop_assume!(other > 0);
            prop_assert_eq!(
                Rut::parse(&format!("{}-{}", other, rut.check_digit())),
                Err(InvalidRut::Digito)
            );
        }

        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            let _ = Rut::parse(&text);
        }
    }
}
