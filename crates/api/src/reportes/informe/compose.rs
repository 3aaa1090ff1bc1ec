//! The document itself: what is read for it, and its bytes.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use axum::{
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::TryStreamExt as _;
use sigra_domain::reporte::EstadoArchivo;
use sigra_files::{Rendition, ServedFile, blobs::BlobError};
use sigra_pdf as pdf;
use sigra_store::{identity, reportes::StoredReporte, uploads::find_served_file, verify_chain};
use tokio::time::timeout;

use super::{
    document::{DocumentBuilder, format_size, is_photo},
    labels,
    tail::BitacoraTail,
};
use crate::{
    App, auth::guard::Session, code::Codigo, download, problem::Problema,
    reportes::ver::spawn_record_opened,
};

/// Of a view, in bytes: they are small.
const MAX_PREVIEW_BYTES: u64 = 2 * 1024 * 1024;
/// How long a report's history and photos may take to be read.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The document of a report, for who asked for it.
pub async fn compose(
    app: &App,
    sesion: &Session,
    leido: StoredReporte,
) -> Result<Response, Problema> {
    let id = leido.reporte.id;
    let slot = app
        .pdf_slots()
        .take(sesion.quien.rut)
        .ok_or(Codigo::ServidorOcupado)?;
    let reading = async {
        let mut tail = BitacoraTail::from_reporte(&leido);
        let mut conn = app.store().read().await?;
        let chain = verify_chain(&mut conn, &leido, |entrada| tail.push(entrada)).await?;
        let chain = chain.ok_or(Codigo::NoEncontrado)?;
        let nombres = identity::names_by_rut(&mut conn, &tail.ruts).await?;
        drop(conn);
        let fotos = photos(app, &leido).await?;
        Ok::<_, Problema>((tail, chain, nombres, fotos))
    };
    let read = timeout(TIMEOUT, reading)
        .await
        .map_err(|_| Codigo::NoDisponible)?;
    let (tail, chain, nombres, fotos) = read?;
    let requested_by = (sesion.nombre.clone(), sesion.ahora);
    let builder = DocumentBuilder {
        zona: app.zona().clone(),
        catalogo: Arc::clone(&sesion.catalogo),
        nombres,
        leido,
    };
    let composing = tokio::task::spawn_blocking(move || {
        // Whoever hangs up leaves a document that is still being set: its place is taken until then.
        let _slot = slot;
        let documento = builder.document(requested_by, &tail, &chain, fotos);
        let archivo = save(&pdf::pdf(&documento).map_err(io::Error::other)?)?;
        Ok::<_, io::Error>((archivo, builder.leido))
    });
    let composed = composing.await.map_err(|e| Problema::internal(&e))?;
    let (archivo, leido) = composed.map_err(|e| Problema::internal(&e))?;
    spawn_record_opened(app, sesion, &leido);
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
        let is_shown = fotos.len() < pdf::MAX_PHOTOS && a.estado == EstadoArchivo::Subido;
        let jpeg = if is_shown {
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
    let mut conn = app.store().read().await?;
    let s = find_served_file(&mut conn, id).await?;
    drop(conn);
    let blob = s.and_then(|s| s.objeto);
    let Some(served) = blob.and_then(|o| ServedFile::from_blob(&o, Rendition::Vista).ok()) else {
        return Ok(vec![]);
    };
    if served.largo > MAX_PREVIEW_BYTES {
        return Ok(vec![]);
    }
    let chunks = async {
        let chunks = app.files().stream_range(&served, 0..served.largo).await?;
        chunks.try_collect::<Vec<_>>().await
    };
    match chunks.await {
        Ok(chunks) => Ok(chunks.concat()),
        Err(BlobError::NoEsta(_) | BlobError::MuyGrande) => Ok(vec![]),
        Err(e) => Err(e.into()),
    }
}
