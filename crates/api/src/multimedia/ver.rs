//! `GET /multimedia/{id}`, `/miniatura` and `/vista`

use axum::{extract::State, http::HeaderMap, response::Response};
use sigra_domain::reporte::EstadoArchivo;
use sigra_evidencia::{Entrega, Forma, Tipo};
use sigra_store::multimedia::{Objeto, Servible, servible};

use super::servir::{Archivo, sirve};
use crate::{App, acceso::Sesion, codigo::Codigo, cuerpo::Id, problema::Problema};

/// What a file can be told that is not there.
pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ArchivoPendiente,
    Codigo::ArchivoEliminado,
    Codigo::ReporteRetirado,
];
/// And what, when its bytes are asked for.
pub const CODIGOS_BYTES: &[Codigo] = &[Codigo::RangoImposible];
pub const CODIGOS_COPIA: &[Codigo] = &[Codigo::VistaEnProceso, Codigo::SinVista];

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
    sesion: Sesion,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problema> {
    visto(&app, &sesion, id, &headers, Forma::Original).await
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
    sesion: Sesion,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problema> {
    visto(&app, &sesion, id, &headers, Forma::Miniatura).await
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
    sesion: Sesion,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problema> {
    visto(&app, &sesion, id, &headers, Forma::Vista).await
}

async fn visto(
    app: &App,
    sesion: &Sesion,
    id: i64,
    headers: &HeaderMap,
    forma: Forma,
) -> Result<Response, Problema> {
    let s = visible(app, sesion, id).await?;
    responde(app, headers, s, forma).await
}

/// A file of a report that the caller may see.
pub(super) async fn visible(app: &App, sesion: &Sesion, id: i64) -> Result<Servible, Problema> {
    let mut lectura = app.store().leer().await?;
    let s = servible(&mut lectura, id).await?;
    let s = s.filter(|s| sesion.quien.puede_ver(s.autor, s.area_id));
    s.ok_or_else(|| Codigo::NoEncontrado.into())
}

/// The same for whoever was let in by other means.
pub(super) async fn responde(
    app: &App,
    headers: &HeaderMap,
    s: Servible,
    forma: Forma,
) -> Result<Response, Problema> {
    let objeto = llegado(&s)?;
    let entrega = Entrega::de(objeto, forma)?;
    let (sufijo, tipo) = match forma {
        Forma::Original => ("", objeto.tipo.as_str()),
        Forma::Copia => ("-copia", objeto.tipo.as_str()),
        Forma::Miniatura => ("-miniatura", Tipo::Jpeg.mime()),
        Forma::Vista => ("-vista", Tipo::Jpeg.mime()),
    };
    let archivo = Archivo {
        entrega,
        etag: format!("{}{sufijo}", s.sha256),
        tipo: tipo.to_owned(),
        adjunto: !matches!(forma, Forma::Miniatura | Forma::Vista) && !se_muestra(objeto),
        nombre: s.nombre,
    };
    sirve(app, headers, archivo).await
}

/// The bytes of a file that is here.
pub(super) fn llegado(s: &Servible) -> Result<&Objeto, Problema> {
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
fn se_muestra(o: &Objeto) -> bool {
    match Tipo::de_mime(&o.tipo) {
        Some(t) if t.es_imagen() => o.vistas != "ninguna",
        Some(Tipo::Mp4 | Tipo::M4a) => true,
        _ => false,
    }
}
