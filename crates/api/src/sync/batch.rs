//! `POST /sync/batch`

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use axum::{Json, extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sigra_domain::{
    Field, FieldError, FieldErrorKind, Instante,
    campo::{BoundedList, FieldErrors, text, tipo},
    reporte::{NewReporte, ReporteCreate, device_id},
};
use sigra_store::{
    StoreError,
    reportes::StoredReporte,
    sync::{ApplyBatch, Item, Presence},
};
use utoipa::ToSchema;

use super::{
    MAX_BATCH,
    resultado::{ItemResult, Resultado},
};
use crate::{
    App,
    auth::guard::Session,
    body::{SyncBody, SyncBodyKind},
    code::Codigo,
    files::{adopt, expected},
    problem::{Problema, headers_language},
};

pub const CODIGOS: &[Codigo] = &[Codigo::LoteMuyGrande];

/// Bytes that an answer may always have for reports that are not as their items say, besides twice what
/// was sent: more than the longest report that clashes in all its fields.
const MIN_RESPONSE: usize = 1024 * 1024;

/// Los reportes que un teléfono guardó sin señal.
#[derive(Deserialize, ToSchema)]
#[schema(as = SyncBatch, example = json!({
    "device_id": "moto-e7-0042", "timestamp": "2026-03-01T18:40:00.000-03:00",
    "app_version": "2.4.1", "pendientes": 1,
    "reportes": [{
        "titulo": "Roca suelta en galería 4", "descripcion": "Planchón suelto sobre el paso de personal.",
        "area_id": 1, "severidad_id": 3, "uuid_cliente": "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11",
        "hora_creado": "2026-03-01T14:03:11.250-03:00"
    }]
}))]
pub struct SyncBatch<'a> {
    /// 1 a 64 caracteres ASCII visibles.
    #[serde(default)]
    #[schema(required = true, value_type = String, min_length = 1, max_length = 64)]
    device_id: Field<String>,
    /// El reloj del teléfono al enviar, RFC 3339: con él se mide cuánto se aparta del servidor.
    #[serde(default)]
    #[schema(required = true, value_type = String, format = DateTime)]
    timestamp: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 64)]
    app_version: Field<String>,
    /// Cuántos reportes le quedan al teléfono además de estos.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false, minimum = 0)]
    pendientes: Field<i64>,
    /// A lo más 500; cada uno se juzga solo.
    #[serde(borrow, default)]
    #[schema(required = true, value_type = Vec<ReporteCreate>, max_items = 500)]
    reportes: Option<&'a RawValue>,
}

/// Qué fue de cada reporte, en el orden en que vinieron.
#[derive(Serialize, ToSchema)]
pub struct SyncBatchResultado {
    pub resultados: Vec<Resultado>,
    /// Cuántos de cada resultado.
    #[schema(value_type = std::collections::BTreeMap<String, usize>, example = json!({"creado": 1}))]
    pub resumen: BTreeMap<&'static str, usize>,
    #[schema(format = DateTime, example = "2026-03-01T21:40:02.117Z")]
    pub hora_servidor: String,
    /// El reloj del servidor menos el del teléfono, en milisegundos.
    #[schema(example = 2_117)]
    pub desfase_reloj_ms: i64,
}

impl SyncBodyKind for SyncBatch<'_> {
    const TOO_LARGE: Codigo = Codigo::LoteMuyGrande;
}

/// Enviar los reportes guardados sin señal.
///
/// Cada reporte se juzga solo y recibe su `resultado`: `creado`, `duplicado`, `actualizado`, `fusionado`,
/// `conflicto` o `rechazado`. El lote entero, una parte o dos copias a la vez se pueden enviar otra vez sin
/// miedo: da una fila por `uuid_cliente` y los mismos ids. Lo que la respuesta llama creado o actualizado ya
/// está guardado en disco.
#[utoipa::path(post, path = "/sync/batch", tag = "sync", request_body = SyncBatch<'static>,
    responses((status = 200, description = "Qué fue de cada reporte", body = SyncBatchResultado)))]
pub async fn enviar(
    State(app): State<App>,
    sesion: Session,
    headers: HeaderMap,
    body: SyncBody<SyncBatch<'static>>,
) -> Result<Json<SyncBatchResultado>, Problema> {
    let idioma = headers_language(&headers);
    let SyncBatch {
        device_id,
        timestamp,
        app_version,
        pendientes,
        reportes,
    } = body.parse()?;
    // Bytes that are no text are one item's mistake, and anywhere else the body's.
    let solo_items = reportes.and_then(|r| r.get().strip_prefix('['));
    if !body.is_unreadable_only_in(solo_items.unwrap_or("")) {
        return Err(Codigo::JsonInvalido.into());
    }
    let presencia = parse_presence(
        &sesion,
        device_id,
        timestamp,
        app_version,
        pendientes,
        reportes,
    )?;
    let textos: Vec<&RawValue> = parse_items(reportes)?;
    if textos.len() > MAX_BATCH {
        return Err(Codigo::LoteMuyGrande.into());
    }
    let validados: Vec<Result<NewReporte, Vec<FieldError>>> = textos
        .iter()
        .map(|t| {
            if body.is_unreadable(t.get()) {
                return Err(vec![FieldError {
                    campo: String::new(),
                    falla: FieldErrorKind::Caracter,
                }]);
            }
            NewReporte::from_json(t.get(), &sesion.catalogo)
        })
        .collect();
    let uuids: Vec<Option<Box<RawValue>>> = textos.iter().map(|t| sent_uuid(t)).collect();
    let desfase_reloj_ms = presencia.desfase_reloj_ms;
    let respuesta_max = MIN_RESPONSE + 2 * body.size();
    let mut juzgados = receive(&app, &sesion, presencia, validados, respuesta_max).await?;
    adopt_files(&app, &sesion, &mut juzgados).await;
    let resultados: Vec<Resultado> = uuids
        .into_iter()
        .zip(juzgados)
        .map(|(uuid, juzgado)| Resultado::from_outcome(uuid, juzgado, &sesion, idioma))
        .collect();
    let mut resumen = BTreeMap::new();
    for r in &resultados {
        *resumen.entry(r.resultado).or_default() += 1;
    }
    Ok(Json(SyncBatchResultado {
        resultados,
        resumen,
        hora_servidor: app.store().env().now().to_string(),
        desfase_reloj_ms,
    }))
}

/// Files that came before their reports go to them, and the answer tells of it.
async fn adopt_files(app: &App, sesion: &Session, juzgados: &mut [ItemResult]) {
    let leidos = juzgados.iter().flatten().filter_map(|j| j.leido.as_deref());
    let adoptados = adopt(app, sesion, leidos.flat_map(expected)).await;
    let adoptados: HashMap<i64, Arc<StoredReporte>> = adoptados
        .into_iter()
        .map(|l| (l.reporte.id, Arc::new(l)))
        .collect();
    for leido in juzgados
        .iter_mut()
        .flatten()
        .filter_map(|j| j.leido.as_mut())
    {
        if let Some(adoptado) = adoptados.get(&leido.reporte.id) {
            *leido = Arc::clone(adoptado);
        }
    }
}

fn parse_presence(
    sesion: &Session,
    device: Field<String>,
    timestamp: Field<String>,
    app_version: Field<String>,
    pendientes: Field<i64>,
    reportes: Option<&RawValue>,
) -> Result<Presence, Problema> {
    let mut e = FieldErrors::default();
    let device_id = e
        .required("device_id", device, tipo::STRING)
        .and_then(|t| e.take("device_id", device_id(t)));
    let timestamp = e
        .required("timestamp", timestamp, tipo::STRING)
        .and_then(|t| e.take("timestamp", parse_instante(&t)));
    let app_version = e
        .optional("app_version", app_version, tipo::STRING)
        .and_then(|t| e.take("app_version", text(t, 1, 64, false)));
    let pendientes = e
        .optional("pendientes", pendientes, tipo::INTEGER)
        .and_then(|n| e.take("pendientes", parse_count(n)));
    match reportes.map(RawValue::get) {
        None | Some("null") => e.add("reportes", FieldErrorKind::Requerido),
        Some(lista) if !lista.starts_with('[') => {
            e.add("reportes", FieldErrorKind::Tipo(tipo::LIST.0, tipo::LIST.1));
        }
        Some(_) => {}
    }
    let presencia = (|| {
        Some(Presence {
            device_id: device_id?,
            app_version,
            pendientes,
            desfase_reloj_ms: sesion.ahora.0.saturating_sub(timestamp?.0),
        })
    })();
    Ok(e.finish(presencia)?)
}

/// A clock's time: any that can be written.
fn parse_instante(t: &str) -> Result<Instante, FieldErrorKind> {
    Instante::parse(t).ok_or(FieldErrorKind::Formato(
        "2026-03-01T14:03:11.250-03:00 (RFC 3339)",
        "2026-03-01T14:03:11.250-03:00 (RFC 3339)",
    ))
}

fn parse_count(n: i64) -> Result<i64, FieldErrorKind> {
    const MAX: i64 = 1_000_000;
    if (0..=MAX).contains(&n) {
        Ok(n)
    } else {
        Err(FieldErrorKind::Rango {
            min: "0".into(),
            max: MAX.to_string(),
        })
    }
}

/// The items, and no more than one beyond the limit: 8 MiB of commas and digits would be four million.
fn parse_items(reportes: Option<&RawValue>) -> Result<Vec<&RawValue>, Problema> {
    let json = reportes.map_or("[]", RawValue::get);
    let lista: Result<BoundedList<&RawValue, MAX_BATCH>, _> = serde_json::from_str(json);
    lista
        .map(|BoundedList(items)| items)
        .map_err(|_| Codigo::JsonInvalido.into())
}

/// The item's `uuid_cliente` as sent, if it is short enough to be worth an echo.
fn sent_uuid(item: &RawValue) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct WithUuid<'a> {
        #[serde(borrow)]
        uuid_cliente: &'a RawValue,
    }
    let item: WithUuid<'_> = serde_json::from_str(item.get()).ok()?;
    let corto = item.uuid_cliente.get().len() <= 256;
    corto.then(|| item.uuid_cliente.to_owned())
}

/// Writes what is valid and puts the destinos in the order of the items.
async fn receive(
    app: &App,
    sesion: &Session,
    presencia: Presence,
    validados: Vec<Result<NewReporte, Vec<FieldError>>>,
    respuesta_max: usize,
) -> Result<Vec<ItemResult>, Problema> {
    let (mut items, mut destinos) = (Vec::new(), Vec::new());
    for validado in validados {
        destinos.push(match validado {
            Ok(enviado) => {
                items.push(Item::new(
                    app.store(),
                    &sesion.quien,
                    enviado,
                    &presencia,
                    app.zona(),
                )?);
                None
            }
            Err(errores) => Some(errores),
        });
    }
    let lote = ApplyBatch {
        quien: sesion.quien.clone(),
        autor: sesion.nombre.clone(),
        presencia,
        items,
        catalogo: sesion.catalogo.clone(),
        respuesta_max,
    };
    let mut juzgados = app.store().write(lote).await?.into_iter();
    let destinos = destinos.into_iter().map(|errores| match errores {
        Some(errores) => Ok(Err(errores)),
        None => juzgados
            .next()
            .map(Ok)
            .ok_or_else(|| StoreError::Interno("un reporte quedó sin juicio").into()),
    });
    destinos.collect()
}
