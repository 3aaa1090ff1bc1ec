//! `GET /auth/sesiones` and `DELETE /auth/sesiones/{id}`

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use sigra_domain::Instante;
use sigra_store::identity::{CloseSession, list_sessions};
use utoipa::ToSchema;

use crate::{App, auth::guard::Session, body::Id, code::Codigo, problem::Problema};

pub const CODIGOS_LIST: &[Codigo] = &[];
pub const CODIGOS_CERRAR: &[Codigo] = &[Codigo::NoEncontrado];

/// Una sesión abierta.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 9, "creada": "2026-03-01T12:00:00.000Z", "ultimo_uso": "2026-03-02T08:15:00.000Z",
    "expira": "2026-04-01T08:15:00.000Z", "device_id": "moto-e7-0042", "agente": "SIGRA/2.0 (Android 11)",
    "direccion": "198.51.100.7", "actual": true
}))]
pub struct SesionAbierta {
    pub id: i64,
    #[schema(format = DateTime)]
    pub creada: String,
    #[schema(format = DateTime)]
    pub ultimo_uso: String,
    #[schema(format = DateTime)]
    pub expira: String,
    pub device_id: Option<String>,
    pub agente: Option<String>,
    pub direccion: Option<String>,
    /// La de esta misma petición.
    pub actual: bool,
}

/// Las sesiones abiertas.
#[derive(Serialize, ToSchema)]
pub struct Sesiones {
    pub items: Vec<SesionAbierta>,
}

/// Listar mis sesiones abiertas.
#[utoipa::path(get, path = "/auth/sesiones", tag = "identidad",
    responses((status = 200, description = "De la más nueva a la más antigua", body = Sesiones)))]
pub async fn listar(State(app): State<App>, sesion: Session) -> Result<Json<Sesiones>, Problema> {
    let ahora = app.store().env().now();
    let mut conn = app.store().read().await?;
    let items = list_sessions(&mut conn, sesion.quien.rut, ahora)
        .await?
        .into_iter()
        .map(|s| SesionAbierta {
            id: s.id,
            creada: Instante(s.creada).to_string(),
            ultimo_uso: Instante(s.ultimo_uso).to_string(),
            expira: Instante(s.expira).to_string(),
            device_id: s.device_id,
            agente: s.agente,
            direccion: s.direccion,
            actual: s.id == sesion.id,
        })
        .collect();
    Ok(Json(Sesiones { items }))
}

/// Cerrar una de mis sesiones.
///
/// Para un teléfono perdido: sus tokens dejan de servir al instante.
#[utoipa::path(delete, path = "/auth/sesiones/{id}", tag = "identidad",
    params(("id" = i64, Path, description = "Id de la sesión")),
    responses((status = 204, description = "Cerrada")))]
pub async fn cerrar(
    State(app): State<App>,
    sesion: Session,
    Id(sesion_id): Id,
) -> Result<StatusCode, Problema> {
    let cerrada = app
        .store()
        .write(CloseSession {
            rut: sesion.quien.rut,
            sesion_id,
        })
        .await?;
    if cerrada {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Codigo::NoEncontrado.into())
    }
}
