//! The mails of the shift: files in a folder, to be looked at.

use std::path::Path;

use super::{error::ErrorDemo, servidor::Servidor};

/// Of the folder with the data.
pub(super) const CARPETA: &str = "correos";

/// Sends what is due and says how many there are.
pub(super) async fn cuenta(servidor: &Servidor, datos: &Path) -> Result<String, ErrorDemo> {
    let cartero = &servidor.cartero;
    servidor.store.reparte_avisos(cartero.salidas()).await?;
    cartero.reparte().await?;
    let carpeta = datos.join(CARPETA);
    let leida = carpeta.clone();
    let hay = tokio::task::spawn_blocking(move || std::fs::read_dir(leida).map(Iterator::count));
    let hay = hay.await?.map_err(|e| ErrorDemo::Interno(e.to_string()))?;
    Ok(format!(
        "Correos urgentes a los supervisores: {hay}, en {}. De lo demás va uno por persona, cinco minutos después.",
        carpeta.display()
    ))
}
