//! What a password must be. Length beats composition (NIST SP 800-63B, 5.1.1.2): no rules about
//! classes of characters, which people answer with `Password1!`.

use crate::{FieldErrorKind, Rut};

pub const MIN: usize = 8;
/// Argon2 reads any length; a limit keeps a request from buying hashing time with size.
pub const MAX: usize = 128;

/// A new password of 8 to 128 characters that is not the RUT it protects.
pub fn validate(clave: &str, rut: Rut) -> Result<(), FieldErrorKind> {
    let largo = clave.chars().take(MAX + 1).count();
    if !(MIN..=MAX).contains(&largo) {
        return Err(FieldErrorKind::Largo { min: MIN, max: MAX });
    }
    let digits: String = clave.chars().filter(char::is_ascii_alphanumeric).collect();
    let cuerpo = rut.to_string();
    if digits == cuerpo || digits.eq_ignore_ascii_case(&format!("{cuerpo}{}", rut.check_digit())) {
        return Err(FieldErrorKind::Formato(
            "una frase que solo usted conozca, no su RUT",
            "a phrase that only you know, not your RUT",
        ));
    }
    Ok(())
}

/// Letters and digits that can't be mistaken for one another when read aloud or from paper.
pub const TEMPORARY_ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";

/// A one-time password from 16 random bytes: 16 symbols of 5 bits in groups of four.
pub fn temporary(random: [u8; 16]) -> String {
    let mut out = String::with_capacity(19);
    for (i, byte) in random.iter().enumerate() {
        if i > 0 && i % 4 == 0 {
            out.push('-');
        }
        out.push(char::from(TEMPORARY_ALPHABET[usize::from(byte % 32)]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{temporary, validate};
    use crate::Rut;

    #[test]
    fn rules() {
        let rut = Rut::new(12_345_678).unwrap();
        for ok in ["ocho chr", "ñandú💥 sí", &"x".repeat(128)] {
            assert!(validate(ok, rut).is_ok(), "{ok}");
        }
        for bad in [
            "",
            "siete77",
            &"x".repeat(129),
            "12345678",
            "12.345.678-5",
            "123456785",
        ] {
            assert!(validate(bad, rut).is_err(), "{bad}");
        }
    }

    #[test]
    fn temporary_passwords_are_grouped() {
        assert_eq!(temporary([0; 16]), "aaaa-aaaa-aaaa-aaaa");
        assert_eq!(temporary([31; 16]).len(), 19);
    }
}
