//! `POST /catalogos/areas`, `PATCH /catalogos/areas/{id}`, and the same for severidades and estados.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use sigra_domain::{
    Field, FieldErrorKind,
    campo::{FieldErrors, text, tipo},
    catalogo::{Area, Catalogo, Estado, Severidad},
};
use sigra_store::{
    AreaEdit, CatalogoChange, CatalogoItem, CatalogoRefusal, EstadoEdit, SeveridadEdit,
};
use utoipa::ToSchema;

use crate::{
    App,
    auth::guard::Session,
    body::{Id, JsonBody},
    code::Codigo,
    problem::Problema,
};

pub const CODIGOS_CREAR: &[Codigo] = &[Codigo::NombreRepetido];
pub const CODIGOS_EDITAR: &[Codigo] = &[Codigo::NoEncontrado, Codigo::NombreRepetido];

/// The longest target: ten years.
const MAX_META_HORAS: i64 = 87_600;

/// Un área nueva.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"nombre": "Relaves"}))]
pub struct AreaCreate {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100)]
    nombre: Field<String>,
}

/// Lo que cambia de un área; se desactiva, no se borra.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"activa": false}))]
pub struct AreaPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 100)]
    nombre: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    activa: Field<bool>,
}

/// Una severidad nueva.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"nombre": "Crítica", "meta_horas": 8}))]
pub struct SeveridadCreate {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100)]
    nombre: Field<String>,
    /// Horas, desde que llega, en que debe decidirse un reporte; 168 si no se dice.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false, minimum = 1, maximum = 87_600)]
    meta_horas: Field<i64>,
    /// Avisar al momento y aparte de sus reportes; false si no se dice.
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    urgente: Field<bool>,
}

/// Lo que cambia de una severidad; se desactiva, no se borra.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"meta_horas": 12}))]
pub struct SeveridadPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 100)]
    nombre: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    activa: Field<bool>,
    /// Vale para lo que se decida desde ahora.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false, minimum = 1, maximum = 87_600)]
    meta_horas: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    urgente: Field<bool>,
}

/// Un estado nuevo.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"nombre": "En terreno", "final": false}))]
pub struct EstadoCreate {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100)]
    nombre: Field<String>,
    /// Si un reporte en este estado está decidido. No se puede cambiar después.
    #[serde(default, rename = "final")]
    #[schema(value_type = bool, required = true)]
    es_final: Field<bool>,
}

/// Lo que cambia de un estado.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"nombre": "En revisión"}))]
pub struct EstadoPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 100)]
    nombre: Field<String>,
}

fn required_name(e: &mut FieldErrors, nombre: Field<String>) -> Option<String> {
    e.required("nombre", nombre, tipo::STRING)
        .and_then(|t| e.take("nombre", text(t, 1, 100, false)))
}

fn optional_name(e: &mut FieldErrors, nombre: Field<String>) -> Option<String> {
    e.optional("nombre", nombre, tipo::STRING)
        .and_then(|t| e.take("nombre", text(t, 1, 100, false)))
}

fn hours(e: &mut FieldErrors, horas: Field<i64>) -> Option<i64> {
    e.optional("meta_horas", horas, tipo::INTEGER)
        .and_then(|h| e.take("meta_horas", in_range(h)))
}

fn in_range(horas: i64) -> Result<i64, FieldErrorKind> {
    if (1..=MAX_META_HORAS).contains(&horas) {
        return Ok(horas);
    }
    Err(FieldErrorKind::Rango {
        min: "1".into(),
        max: MAX_META_HORAS.to_string(),
    })
}

impl From<CatalogoRefusal> for Problema {
    fn from(r: CatalogoRefusal) -> Self {
        match r {
            CatalogoRefusal::NoEncontrado => Codigo::NoEncontrado.into(),
            CatalogoRefusal::NombreRepetido => Codigo::NombreRepetido.into(),
        }
    }
}

/// The element's id, and the catalogue with it.
pub async fn update(
    app: &App,
    sesion: &Session,
    item: impl CatalogoItem,
) -> Result<(i64, Arc<Catalogo>), Problema> {
    let actor = sesion.quien.rut;
    let id = app.store().write(CatalogoChange { item, actor }).await?;
    Ok((id, app.store().catalogo().await?))
}

async fn area(app: &App, sesion: &Session, item: AreaEdit) -> Result<Json<Area>, Problema> {
    let (id, catalogo) = update(app, sesion, item).await?;
    let area = catalogo.area(id).cloned();
    Ok(Json(area.ok_or(Codigo::NoEncontrado)?))
}

async fn severidad(
    app: &App,
    sesion: &Session,
    item: SeveridadEdit,
) -> Result<Json<Severidad>, Problema> {
    let (id, catalogo) = update(app, sesion, item).await?;
    let severidad = catalogo.severidad(id).cloned();
    Ok(Json(severidad.ok_or(Codigo::NoEncontrado)?))
}

async fn estado(app: &App, sesion: &Session, item: EstadoEdit) -> Result<Json<Estado>, Problema> {
    let (id, catalogo) = update(app, sesion, item).await?;
    let estado = catalogo.estado(id).cloned();
    Ok(Json(estado.ok_or(Codigo::NoEncontrado)?))
}

/// Crear un área.
#[utoipa::path(post, path = "/catalogos/areas", tag = "catalogos", request_body = AreaCreate,
    responses((status = 201, description = "Creada", body = Area)))]
pub async fn crear_area(
    State(app): State<App>,
    sesion: Session,
    JsonBody { datos, .. }: JsonBody<AreaCreate>,
) -> Result<(StatusCode, Json<Area>), Problema> {
    let mut e = FieldErrors::default();
    let nombre = required_name(&mut e, datos.nombre);
    let item = AreaEdit {
        id: None,
        nombre: Some(e.finish(nombre)?),
        activa: None,
    };
    Ok((StatusCode::CREATED, area(&app, &sesion, item).await?))
}

/// Editar un área.
#[utoipa::path(patch, path = "/catalogos/areas/{id}", tag = "catalogos", request_body = AreaPatch,
    params(("id" = i64, Path, description = "Id del área")),
    responses((status = 200, description = "El área como quedó", body = Area)))]
pub async fn editar_area(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    JsonBody { datos, .. }: JsonBody<AreaPatch>,
) -> Result<Json<Area>, Problema> {
    let mut e = FieldErrors::default();
    let item = AreaEdit {
        id: Some(id),
        nombre: optional_name(&mut e, datos.nombre),
        activa: e.optional("activa", datos.activa, tipo::BOOLEAN),
    };
    area(&app, &sesion, e.finish(Some(item))?).await
}

/// Crear una severidad.
#[utoipa::path(post, path = "/catalogos/severidades", tag = "catalogos", request_body = SeveridadCreate,
    responses((status = 201, description = "Creada", body = Severidad)))]
pub async fn crear_severidad(
    State(app): State<App>,
    sesion: Session,
    JsonBody { datos, .. }: JsonBody<SeveridadCreate>,
) -> Result<(StatusCode, Json<Severidad>), Problema> {
    let mut e = FieldErrors::default();
    let nombre = required_name(&mut e, datos.nombre);
    let meta_horas = hours(&mut e, datos.meta_horas);
    let urgente = e.optional("urgente", datos.urgente, tipo::BOOLEAN);
    let item = SeveridadEdit {
        id: None,
        nombre: Some(e.finish(nombre)?),
        activa: None,
        meta_horas,
        urgente,
    };
    let creada = severidad(&app, &sesion, item).await?;
    Ok((StatusCode::CREATED, creada))
}

/// Editar una severidad.
#[utoipa::path(patch, path = "/catalogos/severidades/{id}", tag = "catalogos", request_body = SeveridadPatch,
    params(("id" = i64, Path, description = "Id de la severidad")),
    responses((status = 200, description = "La severidad como quedó", body = Severidad)))]
pub async fn editar_severidad(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    JsonBody { datos, .. }: JsonBody<SeveridadPatch>,
) -> Result<Json<Severidad>, Problema> {
    let mut e = FieldErrors::default();
    let item = SeveridadEdit {
        id: Some(id),
        nombre: optional_name(&mut e, datos.nombre),
        activa: e.optional("activa", datos.activa, tipo::BOOLEAN),
        meta_horas: hours(&mut e, datos.meta_horas),
        urgente: e.optional("urgente", datos.urgente, tipo::BOOLEAN),
    };
    severidad(&app, &sesion, e.finish(Some(item))?).await
}

/// Crear un estado.
#[utoipa::path(post, path = "/catalogos/estados", tag = "catalogos", request_body = EstadoCreate,
    responses((status = 201, description = "Creado", body = Estado)))]
pub async fn crear_estado(
    State(app): State<App>,
    sesion: Session,
    JsonBody { datos, .. }: JsonBody<EstadoCreate>,
) -> Result<(StatusCode, Json<Estado>), Problema> {
    let mut e = FieldErrors::default();
    let nombre = required_name(&mut e, datos.nombre);
    let es_final = e.required("final", datos.es_final, tipo::BOOLEAN);
    let (nombre, es_final) = e.finish(nombre.zip(es_final))?;
    let item = EstadoEdit {
        id: None,
        nombre: Some(nombre),
        es_final,
    };
    Ok((StatusCode::CREATED, estado(&app, &sesion, item).await?))
}

/// Cambiar el nombre de un estado.
#[utoipa::path(patch, path = "/catalogos/estados/{id}", tag = "catalogos", request_body = EstadoPatch,
    params(("id" = i64, Path, description = "Id del estado")),
    responses((status = 200, description = "El estado como quedó", body = Estado)))]
pub async fn editar_estado(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    JsonBody { datos, .. }: JsonBody<EstadoPatch>,
) -> Result<Json<Estado>, Problema> {
    let mut e = FieldErrors::default();
    let item = EstadoEdit {
        id: Some(id),
        nombre: optional_name(&mut e, datos.nombre),
        es_final: false,
    };
    estado(&app, &sesion, e.finish(Some(item))?).await
}
