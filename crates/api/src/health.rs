//! `GET /healthz` and `GET /readyz`

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[];

/// El estado del servicio.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"estado": "ok"}))]
pub struct Salud {
    pub estado: String,
}

/// Saber si el proceso vive.
#[utoipa::path(get, path = "/healthz", tag = "operacion",
    responses((status = 200, description = "Vive", body = Salud)))]
pub async fn healthz() -> Json<Salud> {
    Json(Salud {
        estado: "ok".to_owned(),
    })
}

/// Saber si el servicio puede atender: la base de datos y el almacén de archivos responden.
#[utoipa::path(get, path = "/readyz", tag = "operacion",
    responses((status = 200, description = "Puede atender", body = Salud)))]
pub async fn readyz(State(app): State<App>) -> Result<Json<Salud>, Problema> {
    app.store().ping().await?;
    if let Err(error) = app.files().ping().await {
        tracing::warn!(%error, "el almacén de archivos no responde");
        return Err(Codigo::NoDisponible.into());
    }
    // What fell was logged by whoever starts it again.
    let caidos = app.worker_health().down();
    if !caidos.is_empty() {
        return Err(Problema::from(Codigo::NoDisponible).with_workers_down(caidos));
    }
    Ok(Json(Salud {
        estado: "ok".to_owned(),
    }))
}
