//! `GET /multimedia/{id}`, `/miniatura` and `/vista`

use axum::{extract::State, http::HeaderMap, response::Response};
use sigra_domain::reporte::EstadoArchivo;
use sigra_files::{MediaType, Rendition, ServedFile};
use sigra_store::uploads::{Blob, ServableArchivo, find_served_file};

use super::serve::{Archivo, serve};
use crate::{App, body::Id, code::Codigo, guard::Session, problem::Problema};

/// What a file can be told that is not there.
pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ArchivoPendiente,
    Codigo::ArchivoEliminado,
    Codigo::ReporteRetirado,
];
/// And what, when its bytes are asked for.
pub const CODIGOS_BYTES: &[Codigo] = &[Codigo::RangoImposible];
pub const CODIGOS_PREVIEW: &[Codigo] = &[Codigo::VistaEnProceso, Codigo::SinVista];

/// Bajar un archivo como se envió.
///
/// Entero o por partes (`Range`); `ETag` es su sha256. Con el token o con la cookie de sesión.
#[utoipa::path(get, path = "/multimedia/{id}", tag = "multimedia",
    params(("id" = i64, Path, description = "Id del archivo, de multimedia en el reporte"),
        ("Range" = Option<String>, Header, description = "bytes=desde-hasta"),
        ("If-None-Match" = Option<String>, Header, description = "ETag que el cliente ya tiene")),
    responses((status = 200, description = "El archivo", content_type = "application/octet-stream",
            headers(("ETag" = String), ("Content-Disposition" = String))),
        (status = 206, description = "Una parte", content_type = "application/octet-stream",
            headers(("Content-Range" = String))),
        (status = 304, description = "El cliente ya lo tiene")))]
pub async fn original(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problema> {
    serve_form(&app, &sesion, id, &headers, Rendition::Original).await
}

/// Ver una foto en una lista.
///
/// JPEG de a lo más 320 píxeles, derecho y sin ubicación. Se hace poco después de llegar la foto.
#[utoipa::path(get, path = "/multimedia/{id}/miniatura", tag = "multimedia",
    params(("id" = i64, Path, description = "Id del archivo"),
        ("If-None-Match" = Option<String>, Header, description = "ETag que el cliente ya tiene")),
    responses((status = 200, description = "La miniatura", content_type = "image/jpeg", headers(("ETag" = String))),
        (status = 206, description = "Una parte", content_type = "image/jpeg"),
        (status = 304, description = "El cliente ya la tiene")))]
pub async fn miniatura(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problema> {
    serve_form(&app, &sesion, id, &headers, Rendition::Miniatura).await
}

/// Ver una foto en pantalla.
///
/// JPEG de a lo más 1.280 píxeles, derecho y sin ubicación.
#[utoipa::path(get, path = "/multimedia/{id}/vista", tag = "multimedia",
    params(("id" = i64, Path, description = "Id del archivo"),
        ("If-None-Match" = Option<String>, Header, description = "ETag que el cliente ya tiene")),
    responses((status = 200, description = "La vista", content_type = "image/jpeg", headers(("ETag" = String))),
        (status = 206, description = "Una parte", content_type = "image/jpeg"),
        (status = 304, description = "El cliente ya la tiene")))]
pub async fn vista(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problema> {
    serve_form(&app, &sesion, id, &headers, Rendition::Vista).await
}

async fn serve_form(
    app: &App,
    sesion: &Session,
    id: i64,
    headers: &HeaderMap,
    forma: Rendition,
) -> Result<Response, Problema> {
    let s = find_visible(app, sesion, id).await?;
    respond(app, headers, s, forma).await
}

/// A file of a report that the caller may see.
pub(super) async fn find_visible(
    app: &App,
    sesion: &Session,
    id: i64,
) -> Result<ServableArchivo, Problema> {
    let mut lectura = app.store().read().await?;
    let s = find_served_file(&mut lectura, id).await?;
    let s = s.filter(|s| sesion.quien.can_see(s.autor, s.area_id));
    s.ok_or_else(|| Codigo::NoEncontrado.into())
}

/// The same for whoever was let in by other means.
pub(super) async fn respond(
    app: &App,
    headers: &HeaderMap,
    s: ServableArchivo,
    forma: Rendition,
) -> Result<Response, Problema> {
    let objeto = uploaded_blob(&s)?;
    let entrega = ServedFile::from_blob(objeto, forma)?;
    let (sufijo, tipo) = match forma {
        Rendition::Original => ("", objeto.tipo.as_str()),
        Rendition::Copia => ("-copia", objeto.tipo.as_str()),
        Rendition::Miniatura => ("-miniatura", MediaType::Jpeg.mime()),
        Rendition::Vista => ("-vista", MediaType::Jpeg.mime()),
    };
    let archivo = Archivo {
        entrega,
        etag: format!("{}{sufijo}", s.sha256),
        tipo: tipo.to_owned(),
        adjunto: !matches!(forma, Rendition::Miniatura | Rendition::Vista)
            && !is_displayable(objeto),
        nombre: s.nombre,
    };
    serve(app, headers, archivo).await
}

/// The bytes of a file that is here.
pub(super) fn uploaded_blob(s: &ServableArchivo) -> Result<&Blob, Problema> {
    if s.retirado {
        return Err(Codigo::ReporteRetirado.into());
    }
    match (s.estado, &s.objeto) {
        (EstadoArchivo::Subido, Some(objeto)) => Ok(objeto),
        (EstadoArchivo::Eliminado, _) => Err(Codigo::ArchivoEliminado.into()),
        _ => Err(Codigo::ArchivoPendiente.into()),
    }
}

/// A photo that can't be decoded and a document are saved, not shown.
fn is_displayable(o: &Blob) -> bool {
    match MediaType::from_mime(&o.tipo) {
        Some(t) if t.is_image() => o.vistas != "ninguna",
        Some(MediaType::Mp4 | MediaType::M4a) => true,
        _ => false,
    }
}
