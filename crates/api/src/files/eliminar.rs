//! `DELETE /multimedia/{id}`

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use sigra_domain::{
    Field,
    campo::{FieldErrors, tipo},
    reporte::detalle,
};
use utoipa::ToSchema;

use crate::{
    App,
    body::{Id, JsonBody},
    code::Codigo,
    guard::Session,
    problem::Problema,
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
    detalle: Field<String>,
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
    sesion: Session,
    Id(id): Id,
    JsonBody { datos, .. }: JsonBody<Renuncia>,
) -> Result<StatusCode, Problema> {
    let mut e = FieldErrors::default();
    let texto = e
        .required("detalle", datos.detalle, tipo::STRING)
        .and_then(|t| e.take("detalle", detalle(t)));
    let detalle = e.finish(texto)?;
    app.files().delete(&sesion.quien, id, detalle).await?;
    Ok(StatusCode::NO_CONTENT)
}
