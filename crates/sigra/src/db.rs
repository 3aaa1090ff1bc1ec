//! The way from the configuration to an open database.

use std::{fs, io, path::Path};

use sigra_store::{Env, Store, StoreError};

use crate::{config::Config, error::CommandError};

/// Opens the database, which is created and brought to this version's schema when needed.
pub(crate) async fn open(config: &Config) -> Result<Store, CommandError> {
    create_dir(&config.data_dir).map_err(|e| {
        let carpeta = config.data_dir.display();
        CommandError::failed(
            format!("no se puede crear la carpeta {carpeta} (data_dir)"),
            e,
        )
    })?;
    let url = &config.database_url;
    if let Some(carpeta) = url.sqlite_file().and_then(Path::parent)
        && !carpeta.as_os_str().is_empty()
        && !carpeta.is_dir()
    {
        return Err(CommandError::failure(format!(
            "no existe la carpeta {} de la base de datos; créela o cambie database_url",
            carpeta.display()
        )));
    }
    Store::open(&url.0, config.database_conexiones.0, Env::default())
        .await
        .map_err(|e| match e {
            StoreError::NoDisponible(_) => CommandError::failure(format!(
                "no se pudo abrir la base de datos; revise que esté encendida y database_url ({e})"
            )),
            e => CommandError::failed("no se pudo abrir la base de datos (database_url)", e),
        })
}

/// Like [`open`] for commands that read what is there: an empty database in the wrong place would
/// answer them that all is well.
pub(crate) async fn open_existing(config: &Config) -> Result<Store, CommandError> {
    match config.database_url.sqlite_file() {
        Some(archivo) if !archivo.exists() => Err(CommandError::failure(format!(
            "no existe la base de datos {}; revise data_dir y database_url, o ejecute sigra migrate para crearla",
            archivo.display()
        ))),
        _ => open(config).await,
    }
}

/// For its owner alone: the database and the photographs of accidents are inside.
fn create_dir(carpeta: &Path) -> io::Result<()> {
    let mut opciones = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut opciones, 0o700);
    opciones.recursive(true).create(carpeta)
}
