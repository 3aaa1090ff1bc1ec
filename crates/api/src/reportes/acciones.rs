//! `GET` and `POST /reportes/{id}/acciones`, `PATCH /reportes/{id}/acciones/{n}`

use std::collections::{BTreeSet, HashMap};

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Fecha, Field, FieldErrorKind, Rut,
    campo::{FieldErrors, tipo},
    reporte::{AccionCorrectiva, EstadoDeAccion, detalle},
};
use sigra_store::{
    StoreError, StoredResponse, identity,
    reportes::{AccionUpdate, AdvanceAccion, ReporteRef, RequestAccion},
};
use utoipa::ToSchema;

use super::ver::find_active;
use crate::{
    App,
    auth::guard::Session,
    body::{Id, Ids, JsonBody},
    code::Codigo,
    idempotent::{IdempotencyHeader, json_response, write},
    problem::Problema,
    usuarios::dto::{RutDicho, parse_rut},
};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado, Codigo::ReporteRetirado];
pub const CODIGOS_PEDIR: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::SinPermiso,
    Codigo::ReporteSinAprobar,
    Codigo::DemasiadasAcciones,
];
pub const CODIGOS_MOVER: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::SinPermiso,
    Codigo::QuienLaHizo,
    Codigo::PasoNoPermitido,
];

/// How far ahead a deadline may be, in days.
const MAX_PLAZO_DAYS: i32 = 3_650;

/// Algo que hay que hacer contra el peligro de un reporte aprobado.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "n": 1, "descripcion": "Acuñar el planchón y poner malla", "responsable_rut": 20_000_021, "responsable": "Ana Soto",
    "plazo": "2026-03-10", "estado": "abierta", "vencida": false, "creada_por": 20_000_021, "hecha_por": null,
    "verificada_por": null
}))]
pub struct AccionVista {
    /// Su número en el reporte, desde 1.
    pub n: i64,
    pub descripcion: String,
    pub responsable_rut: i64,
    /// Nombre de quien responde por ella.
    pub responsable: String,
    /// El último día en que está a tiempo.
    #[schema(format = Date)]
    pub plazo: String,
    pub estado: EstadoDeAccion,
    /// Sigue abierta y su plazo pasó.
    pub vencida: bool,
    /// RUT de quien la pidió.
    pub creada_por: i64,
    pub hecha_por: Option<i64>,
    pub verificada_por: Option<i64>,
}

fn to_dto(n: i64, m: &AccionCorrectiva, responsable: String, hoy: Fecha) -> AccionVista {
    AccionVista {
        n,
        descripcion: m.descripcion.clone(),
        responsable_rut: m.responsable.body(),
        responsable,
        plazo: m.plazo.to_string(),
        estado: m.estado,
        vencida: m.estado == EstadoDeAccion::Abierta && m.plazo < hoy,
        creada_por: m.creada_por.body(),
        hecha_por: m.hecha_por.map(Rut::body),
        verificada_por: m.verificada_por.map(Rut::body),
    }
}

/// Las acciones de un reporte.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"items": [{
    "n": 1, "descripcion": "Acuñar el planchón y poner malla", "responsable_rut": 20_000_021, "responsable": "Ana Soto",
    "plazo": "2026-03-10", "estado": "hecha", "vencida": false, "creada_por": 20_000_021, "hecha_por": 12_345_678,
    "verificada_por": null
}]}))]
pub struct Acciones {
    pub items: Vec<AccionVista>,
}

/// Una acción nueva.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"descripcion": "Acuñar el planchón y poner malla", "responsable_rut": "20.000.021-9", "plazo": "2030-03-10"}))]
pub struct AccionCreate {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 2_000)]
    descripcion: Field<String>,
    /// Alguien que puede ver el reporte.
    #[serde(default)]
    #[schema(value_type = RutDicho, required = true)]
    responsable_rut: Field<RutDicho>,
    /// El último día en que está a tiempo, desde hoy.
    #[serde(default)]
    #[schema(value_type = String, format = Date, required = true)]
    plazo: Field<String>,
}

/// Un paso de una acción.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"estado": "hecha", "detalle": "Malla puesta en el turno B."}))]
pub struct AccionPatch {
    /// `hecha`, `verificada`, o `abierta` si no quedó bien.
    #[serde(default)]
    #[schema(value_type = EstadoDeAccion, required = true)]
    estado: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 2_000)]
    detalle: Field<String>,
}

async fn names_by_rut(app: &App, ruts: BTreeSet<Rut>) -> Result<HashMap<Rut, String>, Problema> {
    let mut conn = app.store().read().await?;
    Ok(identity::names_by_rut(&mut conn, &ruts).await?)
}

/// Ver las acciones de un reporte.
#[utoipa::path(get, path = "/reportes/{id}/acciones", tag = "reportes",
    params(("id" = i64, Path, description = "Id del reporte")),
    responses((status = 200, description = "Todas, en orden", body = Acciones)))]
pub async fn listar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<Json<Acciones>, Problema> {
    let leido = find_active(&app, &sesion, &ReporteRef::Id(id)).await?;
    let acciones = &leido.reporte.acciones;
    let nombres = names_by_rut(&app, acciones.values().map(|m| m.responsable).collect()).await?;
    let hoy = app.zona().fecha(sesion.ahora);
    let una = |(n, m): (&i64, &AccionCorrectiva)| {
        let responsable = nombres.get(&m.responsable).cloned().unwrap_or_default();
        to_dto(*n, m, responsable, hoy)
    };
    let items = acciones.iter().map(una).collect();
    Ok(Json(Acciones { items }))
}

/// Pedir una acción.
///
/// Quien puede decidir el reporte, una vez aprobado; a lo más 50. Queda en la bitácora y se avisa a quien responde por
/// ella. Lo mismo otra vez, si es la última que se pidió, responde 200 y no se repite.
#[utoipa::path(post, path = "/reportes/{id}/acciones", tag = "reportes", request_body = AccionCreate,
    params(("id" = i64, Path, description = "Id del reporte"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 a 255 caracteres; la misma clave repite la primera respuesta (7 días)")),
    responses((status = 201, description = "Pedida", body = AccionVista, headers(("ETag" = String))),
        (status = 200, description = "Ya estaba pedida", body = AccionVista, headers(("ETag" = String)))))]
pub async fn pedir(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    header: IdempotencyHeader,
    JsonBody { datos, sha256 }: JsonBody<AccionCreate>,
) -> Result<Response, Problema> {
    let key = header.bind(&sesion, sha256);
    let hoy = app.zona().fecha(sesion.ahora);
    let mut e = FieldErrors::default();
    let descripcion = e
        .required("descripcion", datos.descripcion, tipo::STRING)
        .and_then(|t| e.take("descripcion", detalle(t)));
    let responsable = parse_rut(&mut e, "responsable_rut", datos.responsable_rut);
    let plazo = e
        .required("plazo", datos.plazo, tipo::STRING)
        .and_then(|t| e.take("plazo", parse_plazo(&t, hoy)));
    let op = (|| {
        Some(RequestAccion {
            quien: sesion.quien.clone(),
            id,
            descripcion: descripcion?,
            responsable: responsable?,
            plazo: plazo?,
        })
    })();
    let op = e.finish(op)?;
    let suyos = names_by_rut(&app, [op.responsable].into()).await?;
    let to_response = respond(suyos, hoy, StatusCode::CREATED);
    write(&app, &sesion, key, op, to_response).await
}

fn parse_plazo(texto: &str, hoy: Fecha) -> Result<Fecha, FieldErrorKind> {
    let plazo = Fecha::parse(texto).ok_or(FieldErrorKind::Formato("AAAA-MM-DD", "YYYY-MM-DD"))?;
    let hasta = hoy.plus_days(MAX_PLAZO_DAYS);
    if plazo < hoy || plazo > hasta {
        return Err(FieldErrorKind::Rango {
            min: hoy.to_string(),
            max: hasta.to_string(),
        });
    }
    Ok(plazo)
}

/// Dar un paso en una acción.
///
/// Quien responde por ella, o quien puede decidir el reporte, dice que está hecha; otra persona que pueda decidirlo la
/// verifica, o la abre de nuevo si no quedó bien. El mismo estado otra vez no cambia nada.
#[utoipa::path(patch, path = "/reportes/{id}/acciones/{n}", tag = "reportes", request_body = AccionPatch,
    params(("id" = i64, Path, description = "Id del reporte"), ("n" = i64, Path, description = "Número de la acción"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 a 255 caracteres; la misma clave repite la primera respuesta (7 días)")),
    responses((status = 200, description = "Como quedó", body = AccionVista, headers(("ETag" = String)))))]
pub async fn mover(
    State(app): State<App>,
    sesion: Session,
    Ids(id, n): Ids,
    header: IdempotencyHeader,
    JsonBody { datos, sha256 }: JsonBody<AccionPatch>,
) -> Result<Response, Problema> {
    let key = header.bind(&sesion, sha256);
    let hoy = app.zona().fecha(sesion.ahora);
    let mut e = FieldErrors::default();
    let hacia = e
        .required("estado", datos.estado, tipo::STRING)
        .and_then(|t| {
            e.take(
                "estado",
                EstadoDeAccion::from_name(&t).ok_or(FieldErrorKind::NoExiste),
            )
        });
    let dicho = e
        .optional("detalle", datos.detalle, tipo::STRING)
        .and_then(|t| e.take("detalle", detalle(t)));
    let op = AdvanceAccion {
        quien: sesion.quien.clone(),
        id,
        n,
        hacia: e.finish(hacia)?,
        detalle: dicho,
    };
    let leido = find_active(&app, &sesion, &ReporteRef::Id(id)).await?;
    let responsable = leido.reporte.acciones.get(&n).map(|m| m.responsable);
    let suyos = names_by_rut(&app, responsable.into_iter().collect()).await?;
    let to_response = respond(suyos, hoy, StatusCode::OK);
    write(&app, &sesion, key, op, to_response).await
}

fn respond(
    nombres: HashMap<Rut, String>,
    hoy: Fecha,
    nueva: StatusCode,
) -> impl Fn(AccionUpdate) -> Result<StoredResponse, StoreError> + Send + Sync + 'static {
    move |s: AccionUpdate| {
        let responsable = nombres
            .get(&s.medida.responsable)
            .cloned()
            .unwrap_or_default();
        let status = if s.cambio { nueva } else { StatusCode::OK };
        json_response(status, s.version, &to_dto(s.n, &s.medida, responsable, hoy))
    }
}
