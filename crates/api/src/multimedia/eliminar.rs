//! `DELETE /multimedia/{id}`

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use sigra_domain::{
    Campo,
    campo::{Errores, tipo},
    reporte::detalle,
};
use utoipa::ToSchema;

use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::{Cuerpo, Id},
    problema::Problema,
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::SinPermiso,
    Codigo::ReporteRetirado,
];

/// Por qué el archivo no vendrá o no debe quedar.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"detalle": "El teléfono se perdió en la galería 4."}))]
pub struct Renuncia {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 2_000)]
    detalle: Campo<String>,
}

/// Renunciar a un archivo que no llegará, o eliminar uno que está.
///
/// El autor renuncia a un archivo que nunca se envió: el reporte deja de esperarlo. Un administrador elimina los
/// bytes de uno que llegó; su hash y la bitácora quedan.
#[utoipa::path(delete, path = "/multimedia/{id}", tag = "multimedia", request_body = Renuncia,
    params(("id" = i64, Path, description = "Id del archivo")),
    responses((status = 204, description = "Hecho")))]
pub async fn eliminar(
    State(app): State<App>,
    sesion: Sesion,
    Id(id): Id,
    Cuerpo { datos, .. }: Cuerpo<Renuncia>,
) -> Result<StatusCode, Problema> {
    let mut e = Errores::default();
    let texto = e
        .requerido("detalle", datos.detalle, tipo::TEXTO)
        .and_then(|t| e.toma("detalle", detalle(t)));
    let detalle = e.fin(texto)?;
    app.evidencia().elimina(&sesion.quien, id, detalle).await?;
    Ok(StatusCode::NO_CONTENT)
}
