//! A file that only its owner can read, replaced whole or not at all.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use super::{KeyFile, no_sirve};
use crate::error::CommandError;

/// Refuses a file that others than its owner can read or write.
#[cfg(unix)]
pub(super) fn require_private(archivo: &Path, f: &File) -> Result<(), CommandError> {
    use std::os::unix::fs::PermissionsExt as _;
    let modo = f
        .metadata()
        .map_err(|e| no_sirve(archivo, "no se puede leer", e))?
        .permissions()
        .mode();
    let de_otros = modo & 0o077;
    if de_otros == 0 {
        return Ok(());
    }
    Err(CommandError::failure(format!(
        "secret_file {0}: otros usuarios pueden leer las claves (permisos {1:o}); ejecute: chmod 600 '{0}'",
        archivo.display(),
        modo & 0o777
    )))
}

#[cfg(not(unix))]
pub(super) fn require_private(_: &Path, _: &File) -> Result<(), CommandError> {
    Ok(())
}

/// Held while the file is written: a rename replaces whatever is there, so that without it one of two
/// servers that start at once would sign with a key nobody else has.
pub(super) fn acquire_lock(archivo: &Path) -> Result<File, CommandError> {
    let toma = || -> io::Result<File> {
        let f = owner_only()
            .create(true)
            .append(true)
            .open(archivo.with_extension("candado"))?;
        f.lock()?;
        Ok(f)
    };
    toma().map_err(|e| {
        no_sirve(
            archivo,
            "no se puede escribir en su carpeta; revise que exista y sus permisos",
            e,
        )
    })
}

/// Writes beside the file and renames, each made durable: a crash leaves the old file or the new.
pub(super) fn save(archivo: &Path, contenido: KeyFile) -> Result<KeyFile, CommandError> {
    let nuevo = archivo.with_extension("nuevo");
    let escribe = || -> io::Result<()> {
        // Left by a crash; the lock says that nobody is writing it now.
        match fs::remove_file(&nuevo) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut f = owner_only().write(true).create_new(true).open(&nuevo)?;
        f.write_all(&serde_json::to_vec_pretty(&contenido)?)?;
        f.sync_all()?;
        fs::rename(&nuevo, archivo)?;
        sync_dir(archivo)
    };
    escribe().map_err(|e| no_sirve(archivo, "no se puede escribir", e))?;
    Ok(contenido)
}

/// Options of a file that only its owner can read.
fn owner_only() -> fs::OpenOptions {
    let mut opciones = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut opciones, 0o600);
    opciones
}

/// A rename is durable once its directory is; only Unix opens directories as files.
fn sync_dir(archivo: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = archivo.parent().filter(|c| !c.as_os_str().is_empty());
        File::open(folder.map_or_else(|| PathBuf::from("."), Path::to_owned))?.sync_all()?;
    }
    Ok(())
}
