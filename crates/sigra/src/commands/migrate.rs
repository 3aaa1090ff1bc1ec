//! `sigra migrate`: the schema, without starting the server.

use sigra_store::VERSION_ESQUEMA;

use crate::{base, config::Config, error::ErrorComando, salida};

pub(crate) async fn ejecutar(config: Config) -> Result<(), ErrorComando> {
    let store = base::abre(&config).await?;
    let motor = store.motor();
    store.cerrar().await;
    Ok(salida::escribe(&format!(
        "La base de datos ({motor}) está al día: esquema {VERSION_ESQUEMA}.\n"
    ))?)
}
