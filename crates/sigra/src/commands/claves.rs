//! `sigra claves rotar`.

use sigra_store::Entorno;

use crate::{config::Config, error::ErrorComando, salida, secretos};

pub(crate) fn rotar(config: &Config) -> Result<(), ErrorComando> {
    let cuantas = secretos::rota(&config.secret_file, &Entorno::default())?;
    Ok(salida::escribe(&format!(
        "Se agregó una clave a {}; ahora hay {cuantas}.\n\
         Reinicie cada servidor que use ese archivo para que firme con ella; las sesiones abiertas siguen.\n",
        config.secret_file.display()
    ))?)
}
