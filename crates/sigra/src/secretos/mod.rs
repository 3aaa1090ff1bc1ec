//! The file with the keys that sign sessions.
//!
//! `{"claves":[{"kid":"…","secreto":"<64 hex>","creada":"RFC 3339"}]}`: the first signs, all verify, so
//! that sessions signed before a rotation go on until they expire. Whoever reads this file can sign in
//! as anybody; so it is created for its owner alone, and refused when others can read it.

mod archivo;

use std::{
    fs::File,
    io::{ErrorKind, Read as _},
    path::Path,
};

use archivo::{candado, guarda, privado};

use serde::{Deserialize, Serialize};
use sigra_api::ClaveFirma;
use sigra_domain::{Instante, hex};
use sigra_store::Entorno;

use crate::error::ErrorComando;

/// Keys kept by a rotation, the new one included.
const MAX: usize = 3;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contenido {
    claves: Vec<Clave>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clave {
    kid: String,
    secreto: String,
    creada: Instante,
}

impl Clave {
    fn nueva(entorno: &Entorno) -> Self {
        Self {
            kid: hex(&entorno.azar::<8>()),
            secreto: hex(&entorno.azar::<32>()),
            creada: entorno.ahora(),
        }
    }
}

/// The keys of `archivo`, which is created when it is missing. Blocking.
pub(crate) fn abre(archivo: &Path, entorno: &Entorno) -> Result<Vec<ClaveFirma>, ErrorComando> {
    if let Some(contenido) = lee(archivo)? {
        return firmas(archivo, &contenido);
    }
    let _candado = candado(archivo)?;
    // Another server that started at the same moment may have created it meanwhile.
    let contenido = match lee(archivo)? {
        Some(contenido) => contenido,
        None => guarda(
            archivo,
            Contenido {
                claves: vec![Clave::nueva(entorno)],
            },
        )?,
    };
    firmas(archivo, &contenido)
}

/// Adds a key that signs from the next start on, and forgets the oldest ones. Answers how many there
/// are now. Blocking.
pub(crate) fn rota(archivo: &Path, entorno: &Entorno) -> Result<usize, ErrorComando> {
    let falta = || {
        ErrorComando::falla(format!(
            "todavía no existe {} (secret_file); lo crea sigra serve al iniciar",
            archivo.display()
        ))
    };
    lee(archivo)?.ok_or_else(falta)?;
    let _candado = candado(archivo)?;
    let mut contenido = lee(archivo)?.ok_or_else(falta)?;
    contenido.claves.insert(0, Clave::nueva(entorno));
    contenido.claves.truncate(MAX);
    Ok(guarda(archivo, contenido)?.claves.len())
}

/// `None` when there is no such file.
fn lee(archivo: &Path) -> Result<Option<Contenido>, ErrorComando> {
    let mut texto = String::new();
    match File::open(archivo) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(no_sirve(archivo, "no se puede leer", e)),
        Ok(mut f) => {
            privado(archivo, &f)?;
            f.read_to_string(&mut texto)
                .map_err(|e| no_sirve(archivo, "no se puede leer", e))?;
        }
    }
    let contenido: Contenido = serde_json::from_str(&texto).map_err(|e| {
        // serde's message may quote what it met, a secret perhaps; the place is enough.
        let lugar = format!("línea {}, columna {}", e.line(), e.column());
        no_sirve(
            archivo,
            "no es un archivo de claves; recupérelo de un respaldo",
            lugar,
        )
    })?;
    firmas(archivo, &contenido)?;
    Ok(Some(contenido))
}

fn firmas(archivo: &Path, contenido: &Contenido) -> Result<Vec<ClaveFirma>, ErrorComando> {
    let mut firmas: Vec<ClaveFirma> = vec![];
    for (i, clave) in contenido.claves.iter().enumerate() {
        let secreto = bytes(&clave.secreto);
        let repetida = firmas.iter().any(|f| f.kid == clave.kid);
        match secreto {
            Some(secreto) if !repetida && !clave.kid.is_empty() => {
                firmas.push(ClaveFirma {
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
fn bytes(texto: &str) -> Option<[u8; 32]> {
    let digitos: Vec<u8> = texto
        .chars()
        .map(|c| c.to_digit(16)?.try_into().ok())
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digitos
        .chunks(2)
        .map(|d| d.iter().fold(0, |b, d| b << 4 | d))
        .collect();
    (digitos.len() == 64).then(|| bytes.try_into().ok())?
}

fn no_sirve(archivo: &Path, que: &str, causa: impl std::fmt::Display) -> ErrorComando {
    ErrorComando::falla(format!(
        "secret_file {}: {que} ({causa})",
        archivo.display()
    ))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{fs, path::PathBuf, thread};

    use sigra_store::Entorno;
    use tempfile::TempDir;

    use super::{abre, bytes, rota};

    fn lugar() -> (TempDir, PathBuf) {
        let dir = TempDir::new().unwrap();
        let archivo = dir.path().join("claves.json");
        (dir, archivo)
    }

    fn escribe(archivo: &PathBuf, texto: &str) {
        fs::write(archivo, texto).unwrap();
        modo(archivo, 0o600);
    }

    fn modo(archivo: &PathBuf, modo: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(archivo, fs::Permissions::from_mode(modo)).unwrap();
    }

    #[test]
    fn a_missing_file_is_created_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, archivo) = lugar();
        let claves = abre(&archivo, &Entorno::default()).unwrap();
        assert_eq!(claves.len(), 1);
        assert_eq!(
            fs::metadata(&archivo).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let otra_vez = abre(&archivo, &Entorno::default()).unwrap();
        assert_eq!(
            (&otra_vez[0].kid, otra_vez[0].secreto),
            (&claves[0].kid, claves[0].secreto)
        );
        assert!(!dir.path().join("claves.nuevo").exists());
    }

    #[test]
    fn servers_that_start_at_once_agree() {
        let (_dir, archivo) = lugar();
        let kids: Vec<String> = thread::scope(|s| {
            let hilos: Vec<_> = (0..8)
                .map(|_| s.spawn(|| abre(&archivo, &Entorno::default()).unwrap()[0].kid.clone()))
                .collect();
            hilos.into_iter().map(|h| h.join().unwrap()).collect()
        });
        assert!(kids.iter().all(|k| *k == kids[0]), "{kids:?}");
    }

    #[test]
    fn a_rotation_signs_with_a_new_key_and_keeps_two_old_ones() {
        let (_dir, archivo) = lugar();
        let entorno = Entorno::default();
        assert!(
            rota(&archivo, &entorno)
                .unwrap_err()
                .texto()
                .contains("sigra serve")
        );
        let mut kids = vec![abre(&archivo, &entorno).unwrap()[0].kid.clone()];
        for quedan in [2, 3, 3] {
            assert_eq!(rota(&archivo, &entorno).unwrap(), quedan);
            let ahora = abre(&archivo, &entorno).unwrap();
            assert!(!kids.contains(&ahora[0].kid));
            assert_eq!(ahora[1].kid, kids[0]);
            kids.insert(0, ahora[0].kid.clone());
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_what_to_run() {
        let (_dir, archivo) = lugar();
        abre(&archivo, &Entorno::default()).unwrap();
        for m in [0o640, 0o604, 0o660] {
            modo(&archivo, m);
            let texto = abre(&archivo, &Entorno::default()).err().unwrap().texto();
            assert!(
                texto.contains(&format!("chmod 600 '{}'", archivo.display())),
                "{texto}"
            );
        }
        modo(&archivo, 0o400);
        assert!(abre(&archivo, &Entorno::default()).is_ok());
    }

    #[test]
    fn what_is_no_key_file_is_refused_and_left_alone() {
        let clave = |kid: &str, secreto: &str| {
            format!(r#"{{"kid":"{kid}","secreto":"{secreto}","creada":"2026-01-01T00:00:00Z"}}"#)
        };
        let (a, corta) = ("ab".repeat(32), "ab".repeat(31));
        let lista = |claves: &[String]| format!(r#"{{"claves":[{}]}}"#, claves.join(","));
        for texto in [
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
            let (_dir, archivo) = lugar();
            escribe(&archivo, &texto);
            let error = abre(&archivo, &Entorno::default()).err().unwrap().texto();
            assert!(
                error.starts_with("sigra: secret_file ") && error.lines().count() == 1,
                "{error}"
            );
            assert!(rota(&archivo, &Entorno::default()).is_err());
            assert_eq!(fs::read_to_string(&archivo).unwrap(), texto);
        }
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(bytes(&format!("{}0f", "00".repeat(31))).unwrap()[31], 15);
        assert_eq!(bytes(&"AB".repeat(32)), Some([0xab; 32]));
        assert_eq!(bytes(&"a".repeat(63)), None);
        assert_eq!(bytes(&"a".repeat(66)), None);
    }
}
