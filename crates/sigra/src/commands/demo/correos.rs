//! The mails of the shift: files in a folder, to be looked at.

use std::path::{Path, PathBuf};

use super::{error::ErrorDemo, plan::Historia, servidor::Servidor};

/// Of the folder with the data.
pub(super) const CARPETA: &str = "correos";
/// The severity that a new site calls urgent.
const ALTA: i64 = 3;

/// Those of the shift.
pub(super) struct Correos {
    pub(super) hay: usize,
    pub(super) carpeta: PathBuf,
}

/// Sends what is due and counts what there is.
pub(super) async fn cuenta(servidor: &Servidor, datos: &Path) -> Result<Correos, ErrorDemo> {
    let cartero = &servidor.cartero;
    servidor.store.reparte_avisos(cartero.salidas()).await?;
    cartero.reparte().await?;
    let carpeta = datos.join(CARPETA);
    let leida = carpeta.clone();
    let hay = tokio::task::spawn_blocking(move || std::fs::read_dir(leida).map(Iterator::count));
    let hay = hay.await?.map_err(|e| ErrorDemo::Interno(e.to_string()))?;
    Ok(Correos { hay, carpeta })
}

impl Correos {
    /// What contradicts the promise: who decides hears at once of each report that was urgent when it came
    /// and stayed pending.
    pub(super) fn hallazgo(&self, historias: &[Historia]) -> Option<String> {
        let espera = |h: &&Historia| {
            !h.invalida
                && h.registro.severidad_id == ALTA
                && h.decision.is_none()
                && h.edicion.is_none()
        };
        let urgentes = historias.iter().filter(espera).count();
        let Self { hay, .. } = self;
        (*hay < urgentes).then(|| format!("{hay} correos por {urgentes} reportes urgentes"))
    }

    pub(super) fn texto(&self) -> String {
        format!(
            "Correos urgentes a los supervisores: {}, en {}. De lo demás va uno por persona, cinco minutos después.",
            self.hay,
            self.carpeta.display()
        )
    }
}
