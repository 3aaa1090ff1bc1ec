//! `GET /sync/status`

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    campo::FieldErrors,
    reporte::{EstadoArchivo, SyncStatus, device_id},
};
use sigra_store::sync::{PendingReporte, load_status};
use utoipa::{IntoParams, ToSchema};

use super::{MAX_BATCH, MAX_CHANGES, MAX_RECONCILE, changes};
use crate::{
    App, auth::guard::Session, body::MAX_SYNC_BODY, body::QueryParams, code::Codigo,
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = changes::CODIGOS;

/// Incomplete reports that are named.
const MAX_PENDING: i64 = 200;

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// De qué teléfono es `last_sync`; sin él, de cualquiera de la persona.
    device_id: Option<String>,
    /// El cursor de `/sync/changes`, para saber si hay cambios.
    cursor: Option<String>,
}

/// Cómo está la sincronización de una persona.
#[derive(Serialize, ToSchema)]
pub struct Estado {
    #[schema(format = DateTime, example = "2026-03-01T21:40:02.117Z")]
    pub last_sync: Option<String>,
    /// Cuántos reportes suyos no están completos.
    pub pending_count: i64,
    /// A lo más 200 de ellos, del más antiguo al más nuevo.
    pub pendientes: Vec<ReportePendiente>,
    #[schema(format = DateTime, example = "2026-03-01T21:40:02.117Z")]
    pub hora_servidor: String,
    pub limites: Limites,
    /// Solo con `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cambios_disponibles: Option<bool>,
}

/// Un reporte que no está completo.
#[derive(Serialize, ToSchema)]
pub struct ReportePendiente {
    #[schema(example = "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11")]
    pub uuid_cliente: String,
    #[schema(example = "multimedia_pendiente")]
    pub motivo: SyncStatus,
    /// `uuid_cliente` de los archivos que faltan.
    #[schema(example = json!(["0b54a1cc-76c1-4c70-9a3e-0a3d0a8f5b1e"]))]
    pub faltan: Vec<String>,
}

/// Lo más que se puede enviar y pedir.
#[derive(Serialize, ToSchema)]
pub struct Limites {
    #[schema(example = 500)]
    pub reportes_por_lote: usize,
    /// Descomprimidos.
    #[schema(example = 8_388_608)]
    pub bytes_por_lote: usize,
    #[schema(example = 10_000)]
    pub reportes_por_reconciliacion: usize,
    #[schema(example = 1_000)]
    pub cambios_por_pagina: i64,
    /// 0: sin límite.
    #[schema(example = 120)]
    pub sync_por_minuto: i64,
}

/// Ver cómo está la sincronización.
#[utoipa::path(get, path = "/sync/status", tag = "sync", params(Parametros),
    responses((status = 200, description = "Lo que falta", body = Estado)))]
pub async fn ver(
    State(app): State<App>,
    sesion: Session,
    QueryParams(p): QueryParams<Parametros>,
) -> Result<Json<Estado>, Problema> {
    let mut e = FieldErrors::default();
    let dicho = p.device_id.filter(|t| !t.is_empty());
    let device = dicho.and_then(|t| e.take("device_id", device_id(t)));
    e.finish(Some(()))?;
    let mut cambios_disponibles = None;
    if let Some(c) = p.cursor.filter(|c| !c.is_empty()) {
        let cursor = changes::Cursor::parse(&c, &sesion.quien)?;
        let pagina = changes::page(app.store(), &sesion.quien, Some(&cursor), 1).await?;
        cambios_disponibles = Some(pagina.hay_mas || !pagina.cambios.is_empty());
    }
    let mut conn = app.store().read().await?;
    let rut = sesion.quien.rut;
    let estado = load_status(&mut conn, rut, device.as_deref(), MAX_PENDING).await?;
    Ok(Json(Estado {
        last_sync: estado.last_sync.map(|t| t.to_string()),
        pending_count: estado.pending_count,
        pendientes: estado.pendientes.into_iter().map(to_pendiente).collect(),
        hora_servidor: app.store().env().now().to_string(),
        limites: Limites {
            reportes_por_lote: MAX_BATCH,
            bytes_por_lote: MAX_SYNC_BODY,
            reportes_por_reconciliacion: MAX_RECONCILE,
            cambios_por_pagina: MAX_CHANGES,
            sync_por_minuto: app.rate_limiters().per_minute(),
        },
        cambios_disponibles,
    }))
}

fn to_pendiente(p: PendingReporte) -> ReportePendiente {
    let faltan = p
        .leido
        .archivos
        .into_iter()
        .filter(|a| a.estado == EstadoArchivo::Pendiente);
    ReportePendiente {
        uuid_cliente: p.leido.reporte.uuid_cliente,
        motivo: p.motivo,
        faltan: faltan.map(|a| a.archivo.uuid_cliente).collect(),
    }
}
