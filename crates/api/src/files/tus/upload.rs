//! `HEAD`, `PATCH` and `DELETE /multimedia/tus/{id}`

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::{
    LENGTH, METADATA, METHOD_OVERRIDE, Tus, UploadId,
    headers::{format_metadata, is_octet_stream, parse_checksum, upload_offset},
    receive, set_number_header, set_progress_headers,
};
use crate::{App, code::Codigo, guard::Session, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado, Codigo::VersionDeTus];

pub const CODIGOS_OVERRIDE: &[Codigo] = &[Codigo::MetodoNoPermitido];

/// What bytes can be told, whichever way they come.
pub const CODIGOS_BYTES: &[Codigo] = &[
    Codigo::DesfaseDistinto,
    Codigo::SubidaInterrumpida,
    Codigo::ArchivoMasLargo,
    Codigo::ArchivoMuyGrande,
    Codigo::BytesSinTipo,
    Codigo::TipoNoAdmitido,
    Codigo::FotoHeic,
    Codigo::ImagenMuyGrande,
    Codigo::HashDistinto,
    Codigo::SumaDistinta,
    Codigo::SumaDesconocida,
    Codigo::DatosInvalidos,
];

/// Preguntar dónde va una subida (tus 1.0.0).
///
/// Quien seguía enviando en otra conexión deja de hacerlo. De una que terminó se puede preguntar 24 horas más.
#[utoipa::path(head, path = "/multimedia/tus/{id}", tag = "multimedia",
    params(("id" = String, Path, description = "De Location"),
        ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses((status = 200, description = "Dónde va", headers(
        ("Upload-Offset" = i64), ("Upload-Length" = i64), ("Upload-Metadata" = String), ("Upload-Expires" = String)))))]
pub async fn estado(
    State(app): State<App>,
    sesion: Session,
    UploadId(id): UploadId,
    _: Tus,
) -> Result<Response, Problema> {
    let subida = app.files().estado(sesion.quien.rut, &id).await?;
    let mut r = StatusCode::OK.into_response();
    set_progress_headers(
        &mut r,
        subida.recibidos,
        subida.expira,
        subida.adoptada.is_some(),
    );
    set_number_header(&mut r, &LENGTH, subida.bytes);
    let h = r.headers_mut();
    if let Ok(dichos) = HeaderValue::from_str(&format_metadata(&subida)) {
        h.insert(&METADATA, dichos);
    }
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(r)
}

/// Enviar más bytes (tus 1.0.0).
///
/// Desde `Upload-Offset`, que es donde va la subida. Si la señal se corta, lo que llegó queda; con
/// `Upload-Checksum`, todo o nada. Con el último byte el archivo se comprueba y pasa a su reporte.
#[utoipa::path(patch, path = "/multimedia/tus/{id}", tag = "multimedia",
    request_body(content_type = "application/offset+octet-stream", description = "Los bytes que siguen"),
    params(("id" = String, Path, description = "De Location"),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = i64, Header, description = "Desde qué byte"),
        ("Upload-Checksum" = Option<String>, Header, description = "sha1 o sha256 de este cuerpo, en base64")),
    responses((status = 204, description = "Guardados en disco", headers(
        ("Upload-Offset" = i64), ("Upload-Expires" = String)))))]
pub async fn agregar(
    State(app): State<App>,
    sesion: Session,
    UploadId(id): UploadId,
    _: Tus,
    headers: HeaderMap,
    cuerpo: Body,
) -> Result<Response, Problema> {
    if !is_octet_stream(&headers) {
        return Err(Codigo::BytesSinTipo.into());
    }
    let (desde, suma) = (upload_offset(&headers)?, parse_checksum(&headers)?);
    let recibida = receive(&app, &sesion.quien, &id, desde, suma, cuerpo).await?;
    let mut r = StatusCode::NO_CONTENT.into_response();
    set_progress_headers(
        &mut r,
        recibida.recibidos,
        recibida.expira,
        recibida.reporte.is_some(),
    );
    Ok(r)
}

/// Dejar una subida (tus 1.0.0).
///
/// Lo que un reporte ya tiene queda.
#[utoipa::path(delete, path = "/multimedia/tus/{id}", tag = "multimedia",
    params(("id" = String, Path, description = "De Location"),
        ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses((status = 204, description = "Ya no está")))]
pub async fn dejar(
    State(app): State<App>,
    sesion: Session,
    UploadId(id): UploadId,
    _: Tus,
) -> Result<StatusCode, Problema> {
    app.files().remove(sesion.quien.rut, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lo mismo, para quien no puede enviar HEAD, PATCH ni DELETE.
///
/// `X-HTTP-Method-Override` dice cuál de los tres se quiere hacer (tus 1.0.0).
#[utoipa::path(post, path = "/multimedia/tus/{id}", tag = "multimedia",
    request_body(content_type = "application/offset+octet-stream", description = "Los bytes que siguen, con PATCH"),
    params(("id" = String, Path, description = "De Location"),
        ("X-HTTP-Method-Override" = String, Header, description = "HEAD, PATCH o DELETE"),
        ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses((status = 200, description = "Como HEAD"), (status = 204, description = "Como PATCH o DELETE")))]
pub async fn dicho(
    app: State<App>,
    sesion: Session,
    id: UploadId,
    tus: Tus,
    headers: HeaderMap,
    cuerpo: Body,
) -> Result<Response, Problema> {
    match headers.get(&METHOD_OVERRIDE).map(HeaderValue::as_bytes) {
        Some(b"PATCH") => agregar(app, sesion, id, tus, headers, cuerpo).await,
        Some(b"HEAD") => estado(app, sesion, id, tus).await,
        Some(b"DELETE") => Ok(dejar(app, sesion, id, tus).await?.into_response()),
        _ => Err(Codigo::MetodoNoPermitido.into()),
    }
}
