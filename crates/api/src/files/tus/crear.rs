//! `POST /multimedia/tus`

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use http_body_util::BodyExt as _;

use super::{
    BASE_PATH, Tus,
    headers::{is_octet_stream, parse_announcement, parse_checksum},
    receive, set_progress_headers,
};
use crate::{App, code::Codigo, guard::Session, problem::Problema};

/// What an upload can be told at its beginning.
pub const CODIGOS: &[Codigo] = &[
    Codigo::VersionDeTus,
    Codigo::BytesSinTipo,
    Codigo::DatosInvalidos,
    Codigo::ArchivoMuyGrande,
    Codigo::ArchivoDistinto,
    Codigo::ArchivoEliminado,
    Codigo::ReporteRetirado,
    Codigo::MuchasSubidas,
];

/// Comenzar a subir un archivo (tus 1.0.0).
///
/// `Upload-Metadata` dice `multimedia_uuid` y `sha256`, y puede decir `reporte_uuid`, `filename` y `filetype`. Los
/// bytes pueden venir de inmediato (creation-with-upload) o después, con PATCH a la dirección de `Location`; antes
/// o después que el reporte. Lo mismo otra vez responde con la misma dirección y `Upload-Offset` dice dónde va.
#[utoipa::path(post, path = "/multimedia/tus", tag = "multimedia",
    request_body(content_type = "application/offset+octet-stream", description = "Los primeros bytes, o nada"),
    params(("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Length" = i64, Header, description = "Bytes del archivo"),
        ("Upload-Metadata" = String, Header, description = "Claves y valores en base64, separados por comas"),
        ("Upload-Checksum" = Option<String>, Header, description = "sha1 o sha256 de este cuerpo, en base64")),
    responses((status = 201, description = "Se puede seguir en Location", headers(
        ("Location" = String), ("Upload-Offset" = i64), ("Upload-Expires" = String)))))]
pub async fn crear(
    State(app): State<App>,
    sesion: Session,
    _: Tus,
    headers: HeaderMap,
    mut cuerpo: Body,
) -> Result<Response, Problema> {
    let con_bytes = is_octet_stream(&headers);
    let suma = parse_checksum(&headers)?;
    let anuncio = parse_announcement(&headers)?;
    let mut subida = app.files().create(&sesion.quien, anuncio).await?;
    if con_bytes {
        // Of the same creation again, what came before counts.
        if subida.recibidos == 0 {
            let recibida = receive(&app, &sesion.quien, &subida.id, 0, suma, cuerpo).await?;
            subida.recibidos = recibida.recibidos;
        }
    } else if !is_empty(&mut cuerpo).await {
        return Err(Codigo::BytesSinTipo.into());
    }
    let mut r = StatusCode::CREATED.into_response();
    if let Ok(lugar) = HeaderValue::from_str(&format!("{BASE_PATH}/{}", subida.id)) {
        r.headers_mut().insert(header::LOCATION, lugar);
    }
    set_progress_headers(
        &mut r,
        subida.recibidos,
        subida.expira,
        subida.adoptada.is_some(),
    );
    Ok(r)
}

async fn is_empty(cuerpo: &mut Body) -> bool {
    use axum::body::HttpBody as _;
    if cuerpo.is_end_stream() {
        return true;
    }
    let espera = tokio::time::timeout(crate::files::IDLE_TIMEOUT, cuerpo.frame());
    matches!(espera.await, Ok(None))
}
