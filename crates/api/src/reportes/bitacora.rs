//! `GET /reportes/{id}/bitacora`

use axum::{Json, extract::State};
use serde::Serialize;
use sigra_store::{StoredEntrada, read_bitacora, reportes::ReporteRef};
use utoipa::ToSchema;

use super::ver::find_visible;
use crate::{App, auth::guard::Session, body::Id, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado];

/// Una entrada de la bitácora de un reporte.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 41, "reporte_id": 17, "uuid_cliente": "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11", "n": 2,
    "version": 2, "accion": "cambiar_estado", "rut": 20_000_021, "en": "2026-03-01T22:10:00.000Z",
    "detalle": "Se cierra el paso y se acuña.", "antes": {"estado_id": 1}, "despues": {"estado_id": 2},
    "canonica": "{\"accion\":\"cambiar_estado\",…}",
    "hash": "c1f0a3d2b4e5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f"
}))]
pub struct Entrada {
    pub id: i64,
    pub reporte_id: i64,
    pub uuid_cliente: String,
    /// Número de la entrada en este reporte, desde 1 y sin saltos.
    pub n: i64,
    /// Versión del reporte que esta entrada produjo.
    pub version: i64,
    /// `crear`, `editar`, `cambiar_estado`, `retirar`, `conflicto`, `resolver_conflicto`, `recibir_archivo`,
    /// `renunciar_archivo`, `eliminar_archivo`, `comentar`, `pedir_accion` o `mover_accion`.
    pub accion: String,
    /// Quién.
    pub rut: i64,
    #[schema(format = DateTime)]
    pub en: String,
    pub detalle: Option<String>,
    /// Cada campo que cambió, antes.
    #[schema(value_type = Object)]
    pub antes: serde_json::Value,
    /// Y después.
    #[schema(value_type = Object)]
    pub despues: serde_json::Value,
    /// El texto (RFC 8785) del que es el hash, después del hash anterior.
    pub canonica: String,
    pub hash: String,
}

impl From<StoredEntrada> for Entrada {
    fn from(l: StoredEntrada) -> Self {
        let e = l.entrada;
        Self {
            id: l.id,
            reporte_id: l.reporte_id,
            uuid_cliente: e.uuid_cliente,
            n: e.n,
            version: e.version,
            accion: e.accion.name().to_owned(),
            rut: e.rut.body(),
            en: e.en.to_string(),
            detalle: e.detalle,
            antes: e.antes.into(),
            despues: e.despues.into(),
            canonica: l.canonica,
            hash: l.hash,
        }
    }
}

/// La bitácora de un reporte, desde su creación.
#[derive(Serialize, ToSchema)]
pub struct Bitacora {
    pub items: Vec<Entrada>,
}

/// Ver la bitácora de un reporte.
///
/// Cada entrada trae el texto canónico y su hash: `SHA-256(hash anterior ‖ canonica)`, con 64 ceros
/// antes de la primera. La de un reporte retirado también se puede ver.
#[utoipa::path(get, path = "/reportes/{id}/bitacora", tag = "reportes",
    params(("id" = i64, Path, description = "Id del reporte")),
    responses((status = 200, description = "Todas sus entradas, en orden", body = Bitacora)))]
pub async fn bitacora(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<Json<Bitacora>, Problema> {
    find_visible(&app, &sesion, &ReporteRef::Id(id)).await?;
    let mut conn = app.store().read().await?;
    let entradas = read_bitacora(&mut conn, id).await?;
    Ok(Json(Bitacora {
        items: entradas.into_iter().map(Entrada::from).collect(),
    }))
}
