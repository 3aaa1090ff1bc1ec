//! `GET /multimedia/{id}/url` and what it leads to, `GET /multimedia/{id}/copia`

use std::time::Duration;

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use sigra_domain::Instante;
use sigra_files::{Rendition, ServedFile};
use sigra_store::uploads::find_served_file;
use utoipa::ToSchema;

use super::{
    serve::content_disposition,
    ver::{find_visible, respond, uploaded_blob},
};
use crate::{
    App,
    auth::guard::Session,
    body::{Id, QueryParams},
    code::Codigo,
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::UrlInvalida,
    Codigo::UrlVencida,
    Codigo::DatosInvalidos,
];

/// Milliseconds that a link is good for.
const LIFETIME: i64 = 60 * 60_000;
/// And one that S3 answers, which asks nobody whether the file was taken away since.
const S3_LIFETIME: i64 = 5 * 60_000;

/// Un enlace a un archivo que no pide cabeceras.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "url": "/multimedia/17/copia?firma=eyJhbGciOiJIUzI1NiIsImtpZCI6IjFhMmIzYzRkIn0…",
    "expira": "2026-03-01T22:40:02.117Z"
}))]
pub struct Enlace {
    /// Ruta en este servidor, o una dirección completa si la faena guarda sus archivos en un S3 público.
    pub url: String,
    #[schema(format = DateTime)]
    pub expira: String,
}

/// Pedir un enlace a un archivo.
///
/// Quien tenga el enlace ve el archivo hasta `expira` (una hora; cinco minutos si lo responde un S3 público), sin
/// token; por eso lleva una copia sin datos de ubicación.
#[utoipa::path(get, path = "/multimedia/{id}/url", tag = "multimedia",
    params(("id" = i64, Path, description = "Id del archivo")),
    responses((status = 200, description = "El enlace", body = Enlace)))]
pub async fn enlace(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<Json<Enlace>, Problema> {
    let s = find_visible(&app, &sesion, id).await?;
    let objeto = uploaded_blob(&s)?;
    let entrega = ServedFile::from_blob(objeto, Rendition::Copia)?;
    // Whole seconds, as a token says it.
    let ahora = app.store().env().now().0 / Instante::SECOND * Instante::SECOND;
    // In S3 nothing keeps a file from doing what it likes but its being saved.
    let plazo = Duration::from_millis(S3_LIFETIME.unsigned_abs());
    let disposicion = content_disposition(&s.nombre, true);
    let de_s3 = app
        .files()
        .presigned_url(&entrega, plazo, &disposicion, &objeto.tipo)
        .await?;
    if let Some(url) = de_s3 {
        let expira = Instante(ahora + S3_LIFETIME).to_string();
        return Ok(Json(Enlace { url, expira }));
    }
    let expira = Instante(ahora + LIFETIME);
    let firma = app.tokens().sign_archivo(id, expira);
    let firma = firma.map_err(|e| Problema::internal(&e))?;
    Ok(Json(Enlace {
        url: format!("/multimedia/{id}/copia?firma={firma}"),
        expira: expira.to_string(),
    }))
}

#[derive(Deserialize)]
pub struct SignatureParams {
    #[serde(default)]
    firma: String,
}

/// Bajar un archivo con un enlace.
///
/// Lo que el enlace de `/multimedia/{id}/url` dice: una copia sin datos de ubicación, entera o por partes.
#[utoipa::path(get, path = "/multimedia/{id}/copia", tag = "multimedia",
    params(("id" = i64, Path, description = "Id del archivo"),
        ("firma" = String, Query, description = "Como vino en el enlace"),
        ("Range" = Option<String>, Header, description = "bytes=desde-hasta"),
        ("If-None-Match" = Option<String>, Header, description = "ETag que el cliente ya tiene")),
    responses((status = 200, description = "La copia", content_type = "application/octet-stream",
            headers(("ETag" = String), ("Content-Disposition" = String))),
        (status = 206, description = "Una parte", content_type = "application/octet-stream",
            headers(("Content-Range" = String))),
        (status = 304, description = "El cliente ya la tiene")))]
pub async fn copia(
    State(app): State<App>,
    Id(id): Id,
    QueryParams(SignatureParams { firma }): QueryParams<SignatureParams>,
    headers: HeaderMap,
) -> Result<Response, Problema> {
    let ahora = app.store().env().now();
    app.tokens().verify_archivo(&firma, id, ahora)?;
    let mut conn = app.store().read().await?;
    let s = find_served_file(&mut conn, id).await?;
    drop(conn);
    respond(
        &app,
        &headers,
        s.ok_or(Codigo::NoEncontrado)?,
        Rendition::Copia,
    )
    .await
}
