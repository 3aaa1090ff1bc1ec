//! The mails of the shift: files in a folder, to be looked at.

use std::path::{Path, PathBuf};

use crate::{error::DemoError, plan::ReporteStory, server::DemoServer};

/// Of the folder with the data.
pub(super) const MAIL_DIR: &str = "correos";
/// The severity that a new site calls urgent.
const URGENT_SEVERIDAD: i64 = 3;

/// Those of the shift.
pub(super) struct ShiftMail {
    pub(super) hay: usize,
    pub(super) carpeta: PathBuf,
}

/// Sends what is due and counts what there is.
pub(super) async fn count(servidor: &DemoServer, datos: &Path) -> Result<ShiftMail, DemoError> {
    let worker = servidor.services.delivery_worker();
    let store = servidor.services.store();
    store.fan_out_avisos(worker.channels()).await?;
    worker.deliver_due().await?;
    let carpeta = datos.join(MAIL_DIR);
    let leida = carpeta.clone();
    let hay = tokio::task::spawn_blocking(move || std::fs::read_dir(leida).map(Iterator::count));
    let hay = hay.await?.map_err(|e| DemoError::Interno(e.to_string()))?;
    Ok(ShiftMail { hay, carpeta })
}

impl ShiftMail {
    /// What contradicts the promise: who decides hears at once of each report that was urgent when it came
    /// and stayed pending.
    pub(super) fn finding(&self, historias: &[ReporteStory]) -> Option<String> {
        let espera = |h: &&ReporteStory| {
            !h.invalida
                && h.registro.severidad_id == URGENT_SEVERIDAD
                && h.decision.is_none()
                && h.edicion.is_none()
        };
        let urgentes = historias.iter().filter(espera).count();
        let Self { hay, .. } = self;
        (*hay < urgentes).then(|| format!("{hay} correos por {urgentes} reportes urgentes"))
    }

    pub(super) fn text(&self) -> String {
        format!(
            "Correos urgentes a los supervisores: {}, en {}. De lo demás va uno por persona, cinco minutos después.",
            self.hay,
            self.carpeta.display()
        )
    }
}
