//! `sigra config check` and `sigra config print`.

use crate::{
    config::{Fuentes, Leida},
    error::ErrorComando,
    salida,
};

pub(crate) fn check(fuentes: &Fuentes) -> Result<(), ErrorComando> {
    Leida::de(fuentes)?;
    Ok(salida::escribe("La configuración es válida.\n")?)
}

pub(crate) fn print(fuentes: &Fuentes) -> Result<(), ErrorComando> {
    let leida = Leida::de(fuentes)?;
    Ok(salida::escribe(&leida.imprime())?)
}
