//! `GET /reportes/{id}/informe.pdf`: an operation always, a document only with the feature `pdf`.

#[cfg(feature = "pdf")]
mod compose;
#[cfg(feature = "pdf")]
mod document;
#[cfg(feature = "pdf")]
mod labels;
#[cfg(feature = "pdf")]
mod slots;
#[cfg(feature = "pdf")]
mod tail;

use axum::{extract::State, response::Response};
use sigra_store::reportes::ReporteRef;

use super::ver::find_active;
use crate::{App, auth::guard::Session, body::Id, code::Codigo, problem::Problema};

#[cfg(feature = "pdf")]
pub use self::slots::Slots;

pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::ServidorOcupado,
    Codigo::InformeNoIncluido,
];

/// Bajar un reporte como PDF.
///
/// El reporte, sus fotos, lo que se dijo y su bitácora con los hashes, para guardar o imprimir. Un servidor
/// instalado sin los PDF responde 501.
#[utoipa::path(get, path = "/reportes/{id}/informe.pdf", tag = "reportes",
    params(("id" = i64, Path, description = "Id del reporte")),
    responses((status = 200, description = "El documento", content_type = "application/pdf",
        headers(("Content-Disposition" = String)))))]
pub async fn informe(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<Response, Problema> {
    let leido = find_active(&app, &sesion, &ReporteRef::Id(id)).await?;
    #[cfg(feature = "pdf")]
    {
        compose::compose(&app, &sesion, leido).await
    }
    #[cfg(not(feature = "pdf"))]
    {
        drop(leido);
        Err(Codigo::InformeNoIncluido.into())
    }
}
