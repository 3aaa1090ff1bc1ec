//! `DELETE /reportes/{id}`

use axum::{extract::State, response::Response};
use serde::Deserialize;
use sigra_domain::{
    Campo,
    campo::{Errores, tipo},
    reporte::detalle,
};
use sigra_store::{ConClave, reportes::Retirar};
use utoipa::ToSchema;

use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::{Cuerpo, Id, IfMatch, version_vista},
    escritura::{Llave, escribe, sin_cuerpo},
    problema::Problema,
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::VersionDesfasada,
    Codigo::FaltaVersion,
];

/// Por qué se retira.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"detalle": "Reporte de prueba.", "version": 1}))]
pub struct Retiro {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 2_000)]
    detalle: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    version: Campo<i64>,
}

/// Retirar un reporte.
///
/// El reporte deja de verse; su fila y su bitácora se conservan.
#[utoipa::path(delete, path = "/reportes/{id}", tag = "reportes", request_body = Retiro,
    params(("id" = i64, Path, description = "Id del reporte"),
        ("If-Match" = Option<String>, Header, description = "ETag de la versión vista"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 a 255 caracteres; la misma clave repite la primera respuesta (7 días)")),
    responses((status = 204, description = "Retirado")))]
pub async fn retirar(
    State(app): State<App>,
    sesion: Sesion,
    Id(id): Id,
    if_match: Option<IfMatch>,
    llave: Llave,
    Cuerpo { datos, sha256 }: Cuerpo<Retiro>,
) -> Result<Response, Problema> {
    let clave = llave.ata(&sesion, sha256);
    let mut e = Errores::default();
    let texto = e
        .requerido("detalle", datos.detalle, tipo::TEXTO)
        .and_then(|t| e.toma("detalle", detalle(t)));
    let version = e.opcional("version", datos.version, tipo::ENTERO);
    let detalle = e.fin(texto)?;
    let version = version_vista(if_match.as_ref(), version).ok_or(Codigo::FaltaVersion)?;
    let op = Retirar {
        quien: sesion.quien.clone(),
        id,
        detalle,
        version,
    };
    let responde = |()| Ok(sin_cuerpo());
    escribe(
        app.store(),
        &sesion,
        ConClave {
            clave,
            op,
            responde,
        },
    )
    .await
}
