//! The demo's directory: new at every run, and never anybody else's.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::error::ErrorDemo;

/// Its presence says that a demo made the directory and that a demo may delete it.
const MARCA: &str = ".sigra-demo";

/// An empty directory that belongs to this run.
#[derive(Debug)]
pub(super) struct Directorio {
    pub(super) ruta: PathBuf,
    /// Locked as long as this run lasts: a second demo must not delete it from under the server.
    _marca: File,
}

impl Directorio {
    pub(super) fn nuevo(ruta: &Path) -> Result<Self, ErrorDemo> {
        let fallo = |e: io::Error| ErrorDemo::Directorio(ruta.to_owned(), e);
        vaciar(ruta)?;
        fs::create_dir_all(ruta).map_err(fallo)?;
        let marca = File::create(ruta.join(MARCA)).map_err(fallo)?;
        bloquear(&marca, ruta)?;
        Ok(Self {
            ruta: ruta.to_owned(),
            _marca: marca,
        })
    }
}

fn vaciar(ruta: &Path) -> Result<(), ErrorDemo> {
    let fallo = |e: io::Error| ErrorDemo::Directorio(ruta.to_owned(), e);
    let ajeno = || ErrorDemo::DirectorioAjeno(ruta.to_owned());
    // Not followed: behind a link may be a directory that somebody else also uses.
    let meta = match fs::symlink_metadata(ruta) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        otro => otro.map_err(fallo)?,
    };
    if !meta.is_dir() {
        return Err(ajeno());
    }
    if fs::read_dir(ruta).map_err(fallo)?.next().is_none() {
        return Ok(());
    }
    let marca = match File::open(ruta.join(MARCA)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(ajeno()),
        otro => otro.map_err(fallo)?,
    };
    bloquear(&marca, ruta)?;
    fs::remove_dir_all(ruta).map_err(fallo)
}

fn bloquear(marca: &File, ruta: &Path) -> Result<(), ErrorDemo> {
    match marca.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(ErrorDemo::DirectorioEnUso(ruta.to_owned())),
        Err(TryLockError::Error(e)) => Err(ErrorDemo::Directorio(ruta.to_owned(), e)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Directorio;
    use crate::commands::demo::error::ErrorDemo;

    #[test]
    fn its_own_directory_is_made_anew() {
        let base = tempfile::tempdir().unwrap();
        let ruta = base.path().join("a/b");
        drop(Directorio::nuevo(&ruta).unwrap());
        fs::write(ruta.join("sigra.db"), "old").unwrap();
        let _segundo = Directorio::nuevo(&ruta).unwrap();
        assert!(!ruta.join("sigra.db").exists());
    }

    #[test]
    fn an_empty_directory_will_do() {
        let base = tempfile::tempdir().unwrap();
        assert!(Directorio::nuevo(base.path()).is_ok());
    }

    #[test]
    fn what_is_not_a_demo_s_stays() {
        let base = tempfile::tempdir().unwrap();
        let archivo = base.path().join("fotos.zip");
        fs::write(&archivo, "precious").unwrap();
        for ruta in [base.path(), archivo.as_path()] {
            assert!(matches!(
                Directorio::nuevo(ruta),
                Err(ErrorDemo::DirectorioAjeno(_))
            ));
        }
        assert_eq!(fs::read_to_string(&archivo).unwrap(), "precious");
    }

    #[test]
    fn a_running_demo_keeps_its_directory() {
        let base = tempfile::tempdir().unwrap();
        let _primero = Directorio::nuevo(base.path()).unwrap();
        fs::write(base.path().join("sigra.db"), "busy").unwrap();
        assert!(matches!(
            Directorio::nuevo(base.path()),
            Err(ErrorDemo::DirectorioEnUso(_))
        ));
        assert!(base.path().join("sigra.db").exists());
    }
}
