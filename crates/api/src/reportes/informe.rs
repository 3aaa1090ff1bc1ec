//! `GET /reportes/{id}/informe.pdf`

mod document;
mod labels;
mod slots;
mod tail;

use std::{
    fs::File,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::TryStreamExt as _;
use sigra_domain::reporte::EstadoArchivo;
use sigra_files::blobs::BlobError;
use sigra_files::{Rendition, ServedFile};
use sigra_pdf as pdf;
use sigra_store::{
    identity,
    reportes::{ReporteRef, StoredReporte},
    uploads::find_served_file,
    verify_chain,
};
use tokio::time::timeout;

use self::{
    document::{DocumentBuilder, format_size, is_photo},
    tail::BitacoraTail,
};
use super::ver::{find_active, spawn_record_opened};
use crate::{App, body::Id, code::Codigo, download, guard::Session, problem::Problema};

pub use self::slots::Slots;

pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::ServidorOcupado,
];

/// Of a view, in bytes: they are small.
const MAX_PREVIEW_BYTES: u64 = 2 * 1024 * 1024;
/// How long a report's history and photos may take to be read.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Bajar un reporte como PDF.
///
/// El reporte, sus fotos, lo que se dijo y su bitácora con los hashes, para guardar o imprimir.
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
    let lugar = app
        .pdf_slots()
        .take(sesion.quien.rut)
        .ok_or(Codigo::ServidorOcupado)?;
    let lee = async {
        let mut hojeo = BitacoraTail::from_reporte(&leido);
        let mut lectura = app.store().read().await?;
        let cadena = verify_chain(&mut lectura, &leido, |entrada| hojeo.push(entrada)).await?;
        let cadena = cadena.ok_or(Codigo::NoEncontrado)?;
        let nombres = identity::names_by_rut(&mut lectura, &hojeo.ruts).await?;
        drop(lectura);
        let fotos = photos(&app, &leido).await?;
        Ok::<_, Problema>((hojeo, cadena, nombres, fotos))
    };
    let leidos = timeout(TIMEOUT, lee)
        .await
        .map_err(|_| Codigo::NoDisponible)?;
    let (hojeo, cadena, nombres, fotos) = leidos?;
    let pide = (sesion.nombre.clone(), sesion.ahora);
    let escribano = DocumentBuilder {
        zona: app.zona().clone(),
        catalogo: Arc::clone(&sesion.catalogo),
        nombres,
        leido,
    };
    let compone = tokio::task::spawn_blocking(move || {
        // Whoever hangs up leaves a document that is still being set: its place is taken until then.
        let _lugar = lugar;
        let documento = escribano.document(pide, &hojeo, &cadena, fotos);
        let archivo = save(&pdf::pdf(&documento).map_err(io::Error::other)?)?;
        Ok::<_, io::Error>((archivo, escribano.leido))
    });
    let compuesto = compone.await.map_err(|e| Problema::internal(&e))?;
    let (archivo, leido) = compuesto.map_err(|e| Problema::internal(&e))?;
    spawn_record_opened(&app, &sesion, &leido);
    let nombre = format!("reporte-{id}.pdf");
    let mut r = download::archivo(archivo, "application/pdf", &nombre)
        .map_err(|e| Problema::internal(&e))?;
    r.headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(r)
}

/// Out of memory, however slowly it is read.
fn save(bytes: &[u8]) -> io::Result<File> {
    let mut archivo = tempfile::tempfile()?;
    archivo.write_all(bytes)?;
    Ok(archivo)
}

/// The small copies of its photos, without location; one that can't be shown is told in words.
async fn photos(app: &App, leido: &StoredReporte) -> Result<Vec<pdf::Photo>, Problema> {
    let mut fotos = vec![];
    for a in leido.archivos.iter().filter(|a| is_photo(a)) {
        let se_lee = fotos.len() < pdf::MAX_PHOTOS && a.estado == EstadoArchivo::Subido;
        let jpeg = if se_lee {
            fetch_preview(app, a.id).await?
        } else {
            vec![]
        };
        let estado = labels::archivo(a.estado);
        fotos.push(pdf::Photo {
            nombre: a.archivo.nombre.clone(),
            sha256: a.archivo.sha256.clone(),
            detalle: Some(format!(
                "{}, {}, {estado}",
                a.archivo.tipo,
                format_size(a.archivo.bytes)
            )),
            jpeg,
        });
    }
    Ok(fotos)
}

/// Empty when it has none yet, or never will: damaged, say, or gone from the store.
async fn fetch_preview(app: &App, id: i64) -> Result<Vec<u8>, Problema> {
    let mut lectura = app.store().read().await?;
    let s = find_served_file(&mut lectura, id).await?;
    drop(lectura);
    let objeto = s.and_then(|s| s.objeto);
    let Some(entrega) = objeto.and_then(|o| ServedFile::from_blob(&o, Rendition::Vista).ok())
    else {
        return Ok(vec![]);
    };
    if entrega.largo > MAX_PREVIEW_BYTES {
        return Ok(vec![]);
    }
    let trozos = async {
        let trozos = app.files().stream_range(&entrega, 0..entrega.largo).await?;
        trozos.try_collect::<Vec<_>>().await
    };
    match trozos.await {
        Ok(trozos) => Ok(trozos.concat()),
        Err(BlobError::NoEsta(_) | BlobError::MuyGrande) => Ok(vec![]),
        Err(e) => Err(e.into()),
    }
}
