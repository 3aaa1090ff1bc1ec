//! `sigra migrate`: the schema, without starting the server.

use sigra_store::SCHEMA_VERSION;

use crate::{config::Config, db, error::CommandError, output};

pub(crate) async fn run(config: Config) -> Result<(), CommandError> {
    let store = db::open(&config).await?;
    let motor = store.db_kind();
    store.close().await;
    Ok(output::write(&format!(
        "La base de datos ({motor}) está al día: esquema {SCHEMA_VERSION}.\n"
    ))?)
}
