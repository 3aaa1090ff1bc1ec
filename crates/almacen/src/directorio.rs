//! A directory of this machine.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use object_store::local::LocalFileSystem;

use crate::{Almacen, Fallo};

/// Writing to a disk costs little at once, so little is held.
const POR_PARTE: usize = 256 * 1024;

pub(crate) fn abre(raiz: PathBuf) -> Result<Almacen, Fallo> {
    fs::create_dir_all(&raiz)?;
    let objetos = LocalFileSystem::new_with_prefix(&raiz)?.with_fsync(true);
    Ok(Almacen {
        objetos: Arc::new(objetos),
        por_parte: POR_PARTE,
        raiz: Some(raiz),
    })
}

pub(crate) async fn esta(carpeta: &Path) -> Result<(), Fallo> {
    if tokio::fs::metadata(carpeta).await?.is_dir() {
        Ok(())
    } else {
        Err(io::Error::from(io::ErrorKind::NotADirectory).into())
    }
}

/// A folder with all in it: half-written files under temporary names, which no list shows.
pub(crate) async fn quita(carpeta: &Path) -> Result<(), Fallo> {
    match tokio::fs::remove_dir_all(carpeta).await {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}
