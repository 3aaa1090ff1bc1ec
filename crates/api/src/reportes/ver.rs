//! `GET /reportes/{id}` and `GET /reportes/uuid/{uuid_cliente}`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sigra_store::reportes::{ReporteRef, StoredReporte, reporte};

use tokio::sync::Semaphore;

use super::dto::{Reporte, to_dto};
use crate::{
    App,
    auth::guard::Session,
    body::{Id, PathUuid, is_not_modified},
    code::Codigo,
    idempotent::etag,
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado, Codigo::ReporteRetirado];

/// Ver un reporte por su id.
#[utoipa::path(get, path = "/reportes/{id}", tag = "reportes",
    params(("id" = i64, Path, description = "Id del reporte"),
        ("If-None-Match" = Option<String>, Header, description = "ETag que el cliente ya tiene")),
    responses((status = 200, description = "El reporte", body = Reporte, headers(("ETag" = String))),
        (status = 304, description = "No ha cambiado")))]
pub async fn por_id(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problema> {
    ver(&app, &sesion, ReporteRef::Id(id), &headers).await
}

/// Ver un reporte por el uuid que le dio el teléfono.
#[utoipa::path(get, path = "/reportes/uuid/{uuid_cliente}", tag = "reportes",
    params(("uuid_cliente" = String, Path, description = "uuid_cliente del reporte"),
        ("If-None-Match" = Option<String>, Header, description = "ETag que el cliente ya tiene")),
    responses((status = 200, description = "El reporte", body = Reporte, headers(("ETag" = String))),
        (status = 304, description = "No ha cambiado")))]
pub async fn por_uuid(
    State(app): State<App>,
    sesion: Session,
    PathUuid(uuid): PathUuid,
    headers: HeaderMap,
) -> Result<Response, Problema> {
    ver(&app, &sesion, ReporteRef::Uuid(uuid), &headers).await
}

/// The report, if the caller may know of it.
pub async fn find_visible(
    app: &App,
    sesion: &Session,
    cual: &ReporteRef,
) -> Result<StoredReporte, Problema> {
    let mut conn = app.store().read().await?;
    let leido = reporte(&mut conn, cual)
        .await?
        .filter(|l| {
            sesion
                .quien
                .can_see(l.reporte.rut, l.reporte.contenido.area_id)
        })
        .ok_or(Codigo::NoEncontrado)?;
    Ok(leido)
}

/// The same, if it was not withdrawn.
pub async fn find_active(
    app: &App,
    sesion: &Session,
    cual: &ReporteRef,
) -> Result<StoredReporte, Problema> {
    let leido = find_visible(app, sesion, cual).await?;
    if leido.reporte.retirado_en.is_some() {
        return Err(Codigo::ReporteRetirado.into());
    }
    Ok(leido)
}

/// Openings that are noted at once.
static OPENING_PERMITS: Semaphore = Semaphore::const_new(16);

/// Whoever may decide an urgent report that waits has seen it: nobody else need be told.
/// Noted beside the answer: who reads does not wait for those who write.
pub fn spawn_record_opened(app: &App, sesion: &Session, leido: &StoredReporte) {
    let r = &leido.reporte;
    let catalogo = &sesion.catalogo;
    let urgente = catalogo
        .severidad(r.contenido.severidad_id)
        .is_some_and(|s| s.urgente);
    let espera = !catalogo.is_decided(r.estado_id) && r.rut != sesion.quien.rut;
    if !urgente || !espera || !sesion.quien.can_decide(r.contenido.area_id) {
        return;
    }
    // While the database takes no writes, these do not pile up: at worst somebody is told for nothing.
    let Ok(permit) = OPENING_PERMITS.try_acquire() else {
        return;
    };
    let (store, id, rut) = (app.store().clone(), r.id, sesion.quien.rut);
    tokio::spawn(async move {
        let _permit = permit;
        if let Err(error) = store.record_opened(id, rut).await {
            tracing::warn!(%error, "no se anotó quién abrió un reporte urgente");
        }
    });
}

async fn ver(
    app: &App,
    sesion: &Session,
    cual: ReporteRef,
    headers: &HeaderMap,
) -> Result<Response, Problema> {
    let leido = find_active(app, sesion, &cual).await?;
    spawn_record_opened(app, sesion, &leido);
    let etag = etag(leido.reporte.version);
    let mut r = if is_not_modified(headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(to_dto(&leido, &sesion.catalogo)).into_response()
    };
    if let Ok(valor) = HeaderValue::from_str(&etag) {
        r.headers_mut().insert(header::ETAG, valor);
    }
    Ok(r)
}
