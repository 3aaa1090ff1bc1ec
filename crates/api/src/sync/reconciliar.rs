//! `POST /sync/reconciliar`

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Field,
    campo::{BoundedList, FieldErrors, JsonObject, tipo},
    reporte::{device_id, parse_uuid_cliente, sha256},
};
use sigra_store::sync::{Comparison, ComparisonResult, HeldReporte, reconcile};
use utoipa::ToSchema;

use super::MAX_RECONCILE;
use crate::{
    App,
    auth::guard::Session,
    body::{SyncBody, SyncBodyKind},
    code::Codigo,
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::ReconciliacionMuyGrande];

/// Lo que el teléfono cree que el servidor tiene.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"device_id": "moto-e7-0042", "reportes": [{
    "uuid_cliente": "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11",
    "sha256_contenido": "f3979245ca041b4b1624300793409127a749c1fdd0d0b47989b6044b32948604", "version": 1
}]}))]
pub struct Reconciliar {
    #[serde(default)]
    #[schema(required = true, value_type = String, min_length = 1, max_length = 64)]
    device_id: Field<String>,
    /// A lo más 10.000.
    #[serde(default)]
    #[schema(required = true, value_type = Vec<ReporteTenido>, max_items = 10_000)]
    reportes: Field<BoundedList<JsonObject<ReporteTenido>, MAX_RECONCILE>>,
}

/// Un reporte que el teléfono tiene.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
pub struct ReporteTenido {
    #[serde(default)]
    #[schema(required = true, value_type = String, format = "uuid")]
    uuid_cliente: Field<String>,
    /// 64 dígitos hexadecimales en minúscula.
    #[serde(default)]
    #[schema(required = true, value_type = String)]
    sha256_contenido: Field<String>,
    /// Con ella, también otra versión del mismo contenido es `distinto`.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    version: Field<i64>,
}

impl SyncBodyKind for Reconciliar {
    const TOO_LARGE: Codigo = Codigo::ReconciliacionMuyGrande;
}

/// Cómo se compara cada reporte, en el orden en que vinieron.
#[derive(Serialize, ToSchema)]
pub struct Reconciliado {
    pub resultados: Vec<ReporteComparado>,
    /// Cuántos de cada resultado.
    #[schema(value_type = std::collections::BTreeMap<String, usize>, example = json!({"igual": 1}))]
    pub resumen: BTreeMap<&'static str, usize>,
    #[schema(format = DateTime, example = "2026-03-01T21:40:02.117Z")]
    pub hora_servidor: String,
}

/// Cómo se compara un reporte.
#[derive(Serialize, ToSchema)]
pub struct ReporteComparado {
    #[schema(example = "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11")]
    pub uuid_cliente: String,
    /// `igual`, `falta`, `distinto`, `multimedia_pendiente` o `retirado`.
    #[schema(example = "igual")]
    pub resultado: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// La que el servidor tiene.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

/// Comprobar que no falta nada.
///
/// Compara lo que el teléfono cree haber entregado con lo que está guardado, contenido por contenido.
#[utoipa::path(post, path = "/sync/reconciliar", tag = "sync", request_body = Reconciliar,
    responses((status = 200, description = "Uno por uno", body = Reconciliado)))]
pub async fn reconciliar(
    State(app): State<App>,
    sesion: Session,
    body: SyncBody<Reconciliar>,
) -> Result<Json<Reconciliado>, Problema> {
    if !body.is_unreadable_only_in("") {
        return Err(Codigo::JsonInvalido.into());
    }
    let (enviados, tenidos): (Vec<String>, Vec<HeldReporte>) =
        validate(body.parse()?)?.into_iter().unzip();
    let mut conn = app.store().read().await?;
    let comparados = reconcile(&mut conn, sesion.quien.rut, &tenidos).await?;
    let resultados: Vec<ReporteComparado> = enviados
        .into_iter()
        .zip(comparados)
        .map(|(uuid, c)| to_reporte_comparado(uuid, &c))
        .collect();
    let mut resumen = BTreeMap::new();
    for r in &resultados {
        *resumen.entry(r.resultado).or_default() += 1;
    }
    Ok(Json(Reconciliado {
        resultados,
        resumen,
        hora_servidor: app.store().env().now().to_string(),
    }))
}

/// Each with its uuid as sent.
fn validate(body: Reconciliar) -> Result<Vec<(String, HeldReporte)>, Problema> {
    let mut e = FieldErrors::default();
    e.required("device_id", body.device_id, tipo::STRING)
        .and_then(|t| e.take("device_id", device_id(t)));
    let enviados = e.required("reportes", body.reportes, tipo::LIST);
    let BoundedList(enviados) = enviados.unwrap_or_default();
    if enviados.len() > MAX_RECONCILE {
        return Err(Codigo::ReconciliacionMuyGrande.into());
    }
    let mut tenidos = Vec::with_capacity(enviados.len());
    for (i, JsonObject(r)) in enviados.into_iter().enumerate() {
        let campo = |nombre: &str| format!("reportes[{i}].{nombre}");
        let uuid = e.required(&campo("uuid_cliente"), r.uuid_cliente, tipo::STRING);
        let uuid = uuid.and_then(|t| {
            let uuid = e.take(&campo("uuid_cliente"), parse_uuid_cliente(&t))?;
            Some((t, uuid))
        });
        let hash = e
            .required(&campo("sha256_contenido"), r.sha256_contenido, tipo::STRING)
            .and_then(|t| e.take(&campo("sha256_contenido"), sha256(t)));
        let version = e.optional(&campo("version"), r.version, tipo::INTEGER);
        if let (Some((enviado, uuid_cliente)), Some(sha256_contenido)) = (uuid, hash) {
            let tenido = HeldReporte {
                uuid_cliente,
                sha256_contenido,
                version,
            };
            tenidos.push((enviado, tenido));
        }
    }
    Ok(e.finish(Some(tenidos))?)
}

fn to_reporte_comparado(uuid_cliente: String, c: &Comparison) -> ReporteComparado {
    ReporteComparado {
        uuid_cliente,
        resultado: match c.igualdad {
            ComparisonResult::Igual => "igual",
            ComparisonResult::Falta => "falta",
            ComparisonResult::Distinto => "distinto",
            ComparisonResult::MultimediaPendiente => "multimedia_pendiente",
            ComparisonResult::Retirado => "retirado",
        },
        id: c.id,
        version: c.version,
    }
}
