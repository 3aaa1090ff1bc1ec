//! The file with the keys that sign sessions.
//!
//! `{"claves":[{"kid":"…","secreto":"<64 hex>","creada":"RFC 3339"}]}`: the first signs, all verify, so
//! that sessions signed before a rotation go on until they expire. Whoever reads this file can sign in
//! as anybody; so it is created for its owner alone, and refused when others can read it.

mod file;

use std::{
    fs::File,
    io::{ErrorKind, Read as _},
    path::Path,
};

use file::{acquire_lock, require_private, save};

use serde::{Deserialize, Serialize};
use sigra_api::SigningKey;
use sigra_domain::{Instante, hex};
use sigra_store::Env;

use crate::error::CommandError;

/// Keys kept by a rotation, the new one included.
const MAX: usize = 3;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    claves: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    kid: String,
    secreto: String,
    creada: Instante,
}

impl StoredKey {
    fn new(env: &Env) -> Self {
        Self {
            kid: hex(&env.random::<8>()),
            secreto: hex(&env.random::<32>()),
            creada: env.now(),
        }
    }
}

/// The keys of `archivo`, which is created when it is missing. Blocking.
pub(crate) fn open(archivo: &Path, env: &Env) -> Result<Vec<SigningKey>, CommandError> {
    if let Some(contenido) = read(archivo)? {
        return signing_keys(archivo, &contenido);
    }
    let _lock = acquire_lock(archivo)?;
    // Another server that started at the same moment may have created it meanwhile.
    let contenido = match read(archivo)? {
        Some(contenido) => contenido,
        None => save(
            archivo,
            KeyFile {
                claves: vec![StoredKey::new(env)],
            },
        )?,
    };
    signing_keys(archivo, &contenido)
}

/// Adds a key that signs from the next start on, and forgets the oldest ones. Answers how many there
/// are now. Blocking.
pub(crate) fn rotate(archivo: &Path, env: &Env) -> Result<usize, CommandError> {
    let falta = || {
        CommandError::failure(format!(
            "todavía no existe {} (secret_file); lo crea sigra serve al iniciar",
            archivo.display()
        ))
    };
    read(archivo)?.ok_or_else(falta)?;
    let _lock = acquire_lock(archivo)?;
    let mut contenido = read(archivo)?.ok_or_else(falta)?;
    contenido.claves.insert(0, StoredKey::new(env));
    contenido.claves.truncate(MAX);
    Ok(save(archivo, contenido)?.claves.len())
}

/// `None` when there is no such file.
fn read(archivo: &Path) -> Result<Option<KeyFile>, CommandError> {
    let mut text = String::new();
    match File::open(archivo) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(no_sirve(archivo, "no se puede leer", e)),
        Ok(mut f) => {
            require_private(archivo, &f)?;
            f.read_to_string(&mut text)
                .map_err(|e| no_sirve(archivo, "no se puede leer", e))?;
        }
    }
    let contenido: KeyFile = serde_json::from_str(&text).map_err(|e| {
        // serde's message may quote what it met, a secret perhaps; the place is enough.
        let lugar = format!("línea {}, columna {}", e.line(), e.column());
        no_sirve(
            archivo,
            "no es un archivo de claves; recupérelo de un respaldo",
            lugar,
        )
    })?;
    signing_keys(archivo, &contenido)?;
    Ok(Some(contenido))
}

fn signing_keys(archivo: &Path, contenido: &KeyFile) -> Result<Vec<SigningKey>, CommandError> {
    let mut firmas: Vec<SigningKey> = vec![];
    for (i, clave) in contenido.claves.iter().enumerate() {
        let secreto = bytes(&clave.secreto);
        let repetida = firmas.iter().any(|f| f.kid == clave.kid);
        match secreto {
            Some(secreto) if !repetida && !clave.kid.is_empty() => {
                firmas.push(SigningKey {
                    kid: clave.kid.clone(),
                    secreto,
                });
            }
            _ => {
                let cual = format!("clave {}", i + 1);
                return Err(no_sirve(
                    archivo,
                    "cada clave necesita un kid propio y un secreto de 64 dígitos hexadecimales",
                    cual,
                ));
            }
        }
    }
    if firmas.is_empty() {
        return Err(no_sirve(
            archivo,
            "debe tener al menos una clave",
            "la lista está vacía",
        ));
    }
    Ok(firmas)
}

/// 32 bytes from 64 hexadecimal digits.
fn bytes(text: &str) -> Option<[u8; 32]> {
    let digitos: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16)?.try_into().ok())
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digitos
        .chunks(2)
        .map(|d| d.iter().fold(0, |b, d| b << 4 | d))
        .collect();
    (digitos.len() == 64).then(|| bytes.try_into().ok())?
}

fn no_sirve(archivo: &Path, que: &str, cause: impl std::fmt::Display) -> CommandError {
    CommandError::failure(format!(
        "secret_file {}: {que} ({cause})",
        archivo.display()
    ))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{fs, path::PathBuf, thread};

    use sigra_store::Env;
    use tempfile::TempDir;

    use super::{bytes, open, rotate};

    fn temp_keys_file() -> (TempDir, PathBuf) {
        let dir = TempDir::new().unwrap();
        let archivo = dir.path().join("claves.json");
        (dir, archivo)
    }

    fn write(archivo: &PathBuf, text: &str) {
        fs::write(archivo, text).unwrap();
        set_mode(archivo, 0o600);
    }

    fn set_mode(archivo: &PathBuf, modo: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(archivo, fs::Permissions::from_mode(modo)).unwrap();
    }

    #[test]
    fn a_missing_file_is_created_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, archivo) = temp_keys_file();
        let claves = open(&archivo, &Env::default()).unwrap();
        assert_eq!(claves.len(), 1);
        assert_eq!(
            fs::metadata(&archivo).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let otra_vez = open(&archivo, &Env::default()).unwrap();
        assert_eq!(
            (&otra_vez[0].kid, otra_vez[0].secreto),
            (&claves[0].kid, claves[0].secreto)
        );
        assert!(!dir.path().join("claves.nuevo").exists());
    }

    #[test]
    fn servers_that_start_at_once_agree() {
        let (_dir, archivo) = temp_keys_file();
        let kids: Vec<String> = thread::scope(|s| {
            let hilos: Vec<_> = (0..8)
                .map(|_| s.spawn(|| open(&archivo, &Env::default()).unwrap()[0].kid.clone()))
                .collect();
            hilos.into_iter().map(|h| h.join().unwrap()).collect()
        });
        assert!(kids.iter().all(|k| *k == kids[0]), "{kids:?}");
    }

    #[test]
    fn a_rotation_signs_with_a_new_key_and_keeps_two_old_ones() {
        let (_dir, archivo) = temp_keys_file();
        let env = Env::default();
        assert!(
            rotate(&archivo, &env)
                .unwrap_err()
                .text()
                .contains("sigra serve")
        );
        let mut kids = vec![open(&archivo, &env).unwrap()[0].kid.clone()];
        for quedan in [2, 3, 3] {
            assert_eq!(rotate(&archivo, &env).unwrap(), quedan);
            let now = open(&archivo, &env).unwrap();
            assert!(!kids.contains(&now[0].kid));
            assert_eq!(now[1].kid, kids[0]);
            kids.insert(0, now[0].kid.clone());
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_what_to_run() {
        let (_dir, archivo) = temp_keys_file();
        open(&archivo, &Env::default()).unwrap();
        for m in [0o640, 0o604, 0o660] {
            set_mode(&archivo, m);
            let text = open(&archivo, &Env::default()).err().unwrap().text();
            assert!(
                text.contains(&format!("chmod 600 '{}'", archivo.display())),
                "{text}"
            );
        }
        set_mode(&archivo, 0o400);
        assert!(open(&archivo, &Env::default()).is_ok());
    }

    #[test]
    fn what_is_no_key_file_is_refused_and_left_alone() {
        let clave = |kid: &str, secreto: &str| {
            format!(r#"{{"kid":"{kid}","secreto":"{secreto}","creada":"2026-01-01T00:00:00Z"}}"#)
        };
        let (a, corta) = ("ab".repeat(32), "ab".repeat(31));
        let lista = |claves: &[String]| format!(r#"{{"claves":[{}]}}"#, claves.join(","));
        for text in [
            String::new(),
            "no".into(),
            "{}".into(),
            lista(&[]),
            lista(&[clave("", &a)]),
            lista(&[clave("k", &corta)]),
            lista(&[clave("k", &"zz".repeat(32))]),
            lista(&[clave("k", &a), clave("k", &a)]),
            lista(&[clave("k", &a).replace("2026", "ayer")]),
        ] {
            let (_dir, archivo) = temp_keys_file();
            write(&archivo, &text);
            let error = open(&archivo, &Env::default()).err().unwrap().text();
            assert!(
                error.starts_with("sigra: secret_file ") && error.lines().count() == 1,
                "{error}"
            );
            assert!(rotate(&archivo, &Env::default()).is_err());
            assert_eq!(fs::read_to_string(&archivo).unwrap(), text);
        }
    }

    #[test]
    fn signing_keys_are_read_as_hex() {
        assert_eq!(bytes(&format!("{}0f", "00".repeat(31))).unwrap()[31], 15);
        assert_eq!(bytes(&"AB".repeat(32)), Some([0xab; 32]));
        assert_eq!(bytes(&"a".repeat(63)), None);
        assert_eq!(bytes(&"a".repeat(66)), None);
    }
}
