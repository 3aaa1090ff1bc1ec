//! `sigra claves rotar`.

use sigra_store::Env;

use crate::{config::Config, error::CommandError, output, signing_keys};

pub(crate) fn rotate(config: &Config) -> Result<(), CommandError> {
    let cuantas = signing_keys::rotate(&config.secret_file, &Env::default())?;
    Ok(output::write(&format!(
        "Se agregó una clave a {}; ahora hay {cuantas}.\n\
         Reinicie cada servidor que use ese archivo para que firme con ella; las sesiones abiertas siguen.\n",
        config.secret_file.display()
    ))?)
}
