//! The rules of SIGRA: what a report, a RUT, a decision or a bitácora entry is and when each is
//! valid. Nothing here reads a clock, a file, a socket or a random number, so each rule can be
//! tested as a table or a property.

pub mod aviso;
pub mod bitacora;
pub mod campo;
pub mod catalogo;
pub mod counters;
pub mod dashboard;
pub mod evento;
pub mod language;
pub mod password;
pub mod permiso;
pub mod persona;
pub mod rate_limit;
pub mod reporte;
pub mod retry;
pub mod rut;
pub mod search;
pub mod similarity;
pub mod sync;
pub mod time;

pub use campo::{Field, FieldError, FieldErrorKind};
pub use evento::Evento;
pub use language::Language;
pub use permiso::{Quien, Rol};
pub use rut::Rut;
pub use time::{Fecha, Instante, Zona};

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits, the form every hash of SIGRA has on the
/// wire and in the database.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(bytes);
    hex(&digest)
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}
