//! The demo's directory: new at every run, and never anybody else's.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::error::DemoError;

/// Its presence says that a demo made the directory and that a demo may delete it.
const MARKER: &str = ".sigra-demo";

/// An empty directory that belongs to this run.
#[derive(Debug)]
pub(super) struct RunDir {
    pub(super) ruta: PathBuf,
    /// Locked as long as this run lasts: a second demo must not delete it from under the server.
    _marca: File,
}

impl RunDir {
    pub(super) fn new(ruta: &Path) -> Result<Self, DemoError> {
        let failed = |e: io::Error| DemoError::Directorio(ruta.to_owned(), e);
        empty_dir(ruta)?;
        fs::create_dir_all(ruta).map_err(failed)?;
        let marca = File::create(ruta.join(MARKER)).map_err(failed)?;
        lock_dir(&marca, ruta)?;
        Ok(Self {
            ruta: ruta.to_owned(),
            _marca: marca,
        })
    }
}

fn empty_dir(ruta: &Path) -> Result<(), DemoError> {
    let failed = |e: io::Error| DemoError::Directorio(ruta.to_owned(), e);
    let ajeno = || DemoError::DirectorioAjeno(ruta.to_owned());
    // Not followed: behind a link may be a directory that somebody else also uses.
    let meta = match fs::symlink_metadata(ruta) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        otro => otro.map_err(failed)?,
    };
    if !meta.is_dir() {
        return Err(ajeno());
    }
    if fs::read_dir(ruta).map_err(failed)?.next().is_none() {
        return Ok(());
    }
    let marca = match File::open(ruta.join(MARKER)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(ajeno()),
        otro => otro.map_err(failed)?,
    };
    lock_dir(&marca, ruta)?;
    fs::remove_dir_all(ruta).map_err(failed)
}

fn lock_dir(marca: &File, ruta: &Path) -> Result<(), DemoError> {
    match marca.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(DemoError::DirectorioEnUso(ruta.to_owned())),
        Err(TryLockError::Error(e)) => Err(DemoError::Directorio(ruta.to_owned(), e)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::RunDir;
    use crate::error::DemoError;

    #[test]
    fn its_own_directory_is_made_anew() {
        let base = tempfile::tempdir().unwrap();
        let ruta = base.path().join("a/b");
        drop(RunDir::new(&ruta).unwrap());
        fs::write(ruta.join("sigra.db"), "old").unwrap();
        let _segundo = RunDir::new(&ruta).unwrap();
        assert!(!ruta.join("sigra.db").exists());
    }

    #[test]
    fn an_empty_directory_will_do() {
        let base = tempfile::tempdir().unwrap();
        assert!(RunDir::new(base.path()).is_ok());
    }

    #[test]
    fn what_is_not_a_demo_s_stays() {
        let base = tempfile::tempdir().unwrap();
        let archivo = base.path().join("fotos.zip");
        fs::write(&archivo, "precious").unwrap();
        for ruta in [base.path(), archivo.as_path()] {
            assert!(matches!(
                RunDir::new(ruta),
                Err(DemoError::DirectorioAjeno(_))
            ));
        }
        assert_eq!(fs::read_to_string(&archivo).unwrap(), "precious");
    }

    #[test]
    fn a_running_demo_keeps_its_directory() {
        let base = tempfile::tempdir().unwrap();
        let _primero = RunDir::new(base.path()).unwrap();
        fs::write(base.path().join("sigra.db"), "busy").unwrap();
        assert!(matches!(
            RunDir::new(base.path()),
            Err(DemoError::DirectorioEnUso(_))
        ));
        assert!(base.path().join("sigra.db").exists());
    }
}
