//! `GET /multimedia/{id}/url` and what it leads to, `GET /multimedia/{id}/copia`

use std::time::Duration;

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use sigra_domain::Instante;
use sigra_evidencia::{Entrega, Forma};
use sigra_store::multimedia::servible;
use utoipa::ToSchema;

use super::{
    servir::disposicion,
    ver::{llegado, responde, visible},
};
use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::{Consulta, Id},
    problema::Problema,
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::UrlInvalida,
    Codigo::UrlVencida,
    Codigo::DatosInvalidos,
];

/// Milliseconds that a link is good for.
const VIGENCIA: i64 = 60 * 60_000;
/// And one that S3 answers, which asks nobody whether the file was taken away since.
const VIGENCIA_EN_S3: i64 = 5 * 60_000;

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
    sesion: Sesion,
    Id(id): Id,
) -> Result<Json<Enlace>, Problema> {
    let s = visible(&app, &sesion, id).await?;
    let objeto = llegado(&s)?;
    let entrega = Entrega::de(objeto, Forma::Copia)?;
    // Whole seconds, as a token says it.
    let ahora = app.store().entorno().ahora().0 / Instante::SEGUNDO * Instante::SEGUNDO;
    // In S3 nothing keeps a file from doing what it likes but its being saved.
    let plazo = Duration::from_millis(VIGENCIA_EN_S3.unsigned_abs());
    let disposicion = disposicion(&s.nombre, true);
    let de_s3 = app
        .evidencia()
        .enlace(&entrega, plazo, &disposicion, &objeto.tipo)
        .await?;
    if let Some(url) = de_s3 {
        let expira = Instante(ahora + VIGENCIA_EN_S3).to_string();
        return Ok(Json(Enlace { url, expira }));
    }
    let expira = Instante(ahora + VIGENCIA);
    let firma = app.tokens().firma_archivo(id, expira);
    let firma = firma.map_err(|e| Problema::interno(&e))?;
    Ok(Json(Enlace {
        url: format!("/multimedia/{id}/copia?firma={firma}"),
        expira: expira.to_string(),
    }))
}

#[derive(Deserialize)]
pub struct Firmado {
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
    Consulta(Firmado { firma }): Consulta<Firmado>,
    headers: HeaderMap,
) -> Result<Response, Problema> {
    let ahora = app.store().entorno().ahora();
    app.tokens().verifica_archivo(&firma, id, ahora)?;
    let mut lectura = app.store().leer().await?;
    let s = servible(&mut lectura, id).await?;
    drop(lectura);
    responde(&app, &headers, s.ok_or(Codigo::NoEncontrado)?, Forma::Copia).await
}
