//! The way from the configuration to an open database.

use std::{fs, io, path::Path};

use sigra_store::Store;

use crate::{config::Config, error::CommandError};

/// Opens the database, which is created and brought to this version's schema when needed.
pub(crate) async fn open(config: &Config) -> Result<Store, CommandError> {
    create_data_dir(config)?;
    Ok(config.database().open().await?)
}

/// Like [`open`] for commands that read what is there.
pub(crate) async fn open_existing(config: &Config) -> Result<Store, CommandError> {
    Ok(config.database().open_existing().await?)
}

pub(crate) fn create_data_dir(config: &Config) -> Result<(), CommandError> {
    create_private_dir(&config.data_dir).map_err(|e| {
        let dir = config.data_dir.display();
        CommandError::failed(format!("no se puede crear la carpeta {dir} (data_dir)"), e)
    })
}

/// For its owner alone: the database and the photographs of accidents are inside.
fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut options = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut options, 0o700);
    options.recursive(true).create(dir)
}
