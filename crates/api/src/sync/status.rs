//! `GET /sync/status`

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    campo::Errores,
    reporte::{EstadoArchivo, SyncStatus, device_id},
};
use sigra_store::sync::{Pendiente, estado};
use utoipa::{IntoParams, ToSchema};

use super::{MAX_CAMBIOS, MAX_LOTE, MAX_RECONCILIAR, changes};
use crate::{
    App, acceso::Sesion, codigo::Codigo, cuerpo::Consulta, cuerpo::MAX_CUERPO_SYNC,
    problema::Problema,
};

pub const CODIGOS: &[Codigo] = changes::CODIGOS;

/// Incomplete reports that are named.
const MAX_PENDIENTES: i64 = 200;

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
    sesion: Sesion,
    Consulta(p): Consulta<Parametros>,
) -> Result<Json<Estado>, Problema> {
    let mut e = Errores::default();
    let dicho = p.device_id.filter(|t| !t.is_empty());
    let device = dicho.and_then(|t| e.toma("device_id", device_id(t)));
    e.fin(Some(()))?;
    let mut cambios_disponibles = None;
    if let Some(c) = p.cursor.filter(|c| !c.is_empty()) {
        let cursor = changes::Cursor::lee(&c, &sesion.quien)?;
        let pagina = changes::pagina(app.store(), &sesion.quien, Some(&cursor), 1).await?;
        cambios_disponibles = Some(pagina.hay_mas || !pagina.cambios.is_empty());
    }
    let mut lectura = app.store().leer().await?;
    let rut = sesion.quien.rut;
    let estado = estado(&mut lectura, rut, device.as_deref(), MAX_PENDIENTES).await?;
    Ok(Json(Estado {
        last_sync: estado.last_sync.map(|t| t.to_string()),
        pending_count: estado.pending_count,
        pendientes: estado.pendientes.into_iter().map(pendiente).collect(),
        hora_servidor: app.store().entorno().ahora().to_string(),
        limites: Limites {
            reportes_por_lote: MAX_LOTE,
            bytes_por_lote: MAX_CUERPO_SYNC,
            reportes_por_reconciliacion: MAX_RECONCILIAR,
            cambios_por_pagina: MAX_CAMBIOS,
            sync_por_minuto: app.frenos().por_minuto(),
        },
        cambios_disponibles,
    }))
}

fn pendiente(p: Pendiente) -> ReportePendiente {
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
