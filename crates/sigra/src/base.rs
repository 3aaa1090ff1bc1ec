//! The way from the configuration to an open database.

use std::{fs, io, path::Path};

use sigra_store::{Entorno, Fallo, Store};

use crate::{config::Config, error::ErrorComando};

/// Opens the database, which is created and brought to this version's schema when needed.
pub(crate) async fn abre(config: &Config) -> Result<Store, ErrorComando> {
    crea_carpeta(&config.data_dir).map_err(|e| {
        let carpeta = config.data_dir.display();
        ErrorComando::al(
            format!("no se puede crear la carpeta {carpeta} (data_dir)"),
            e,
        )
    })?;
    let url = &config.database_url;
    if let Some(carpeta) = url.archivo().and_then(Path::parent)
        && !carpeta.as_os_str().is_empty()
        && !carpeta.is_dir()
    {
        return Err(ErrorComando::falla(format!(
            "no existe la carpeta {} de la base de datos; créela o cambie database_url",
            carpeta.display()
        )));
    }
    Store::abrir(&url.0, config.database_conexiones.0, Entorno::default())
        .await
        .map_err(|e| match e {
            Fallo::NoDisponible(_) => ErrorComando::falla(format!(
                "no se pudo abrir la base de datos; revise que esté encendida y database_url ({e})"
            )),
            e => ErrorComando::al("no se pudo abrir la base de datos (database_url)", e),
        })
}

/// Like [`abre`] for commands that read what is there: an empty database in the wrong place would
/// answer them that all is well.
pub(crate) async fn abre_existente(config: &Config) -> Result<Store, ErrorComando> {
    match config.database_url.archivo() {
        Some(archivo) if !archivo.exists() => Err(ErrorComando::falla(format!(
            "no existe la base de datos {}; revise data_dir y database_url, o ejecute sigra migrate para crearla",
            archivo.display()
        ))),
        _ => abre(config).await,
    }
}

/// For its owner alone: the database and the photographs of accidents are inside.
fn crea_carpeta(carpeta: &Path) -> io::Result<()> {
    let mut opciones = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut opciones, 0o700);
    opciones.recursive(true).create(carpeta)
}
