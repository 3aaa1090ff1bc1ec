//! Files: how they come in over bad links, and how they reach those who may see them.

pub mod eliminar;
mod metered_stream;
pub mod multipart;
mod refusal;
pub mod serve;
pub mod tus;
pub mod url;
pub mod ver;

use std::{collections::BTreeSet, time::Duration};

use sigra_store::reportes::StoredReporte;

use crate::{App, auth::guard::Session};

/// A body that says nothing for that long is none.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The files that a report waits for, by their uuids.
pub fn expected(leido: &StoredReporte) -> impl Iterator<Item = &str> {
    let archivos = leido.archivos.iter();
    archivos
        .filter(|a| a.estado.accepts_bytes())
        .map(|a| a.archivo.uuid_cliente.as_str())
}

/// Gives the files that came before their reports to them; answers with the reports that got one, as they
/// are now, the last state of each last. A failure costs nothing: they are tried again in the background.
pub async fn adopt<'a>(
    app: &App,
    sesion: &Session,
    uuids: impl IntoIterator<Item = &'a str>,
) -> Vec<StoredReporte> {
    let uuids: BTreeSet<&str> = uuids.into_iter().collect();
    if uuids.is_empty() {
        return vec![];
    }
    let uuids: Vec<&str> = uuids.into_iter().collect();
    match app.files().adopt(&sesion.quien, &uuids).await {
        Ok(reportes) => reportes,
        Err(error) => {
            tracing::warn!(%error, "los archivos que llegaron antes quedan para después");
            vec![]
        }
    }
}
