//! `POST /catalogos/areas`, `PATCH /catalogos/areas/{id}`, and the same for severidades and estados.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use sigra_domain::{
    Campo, Falla,
    campo::{Errores, texto, tipo},
    catalogo::{Area, Catalogo, Estado, Severidad},
};
use sigra_store::{CambioCatalogo, Elemento, RechazoCatalogo};
use utoipa::ToSchema;

use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::{Cuerpo, Id},
    problema::Problema,
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
    nombre: Campo<String>,
}

/// Lo que cambia de un área; se desactiva, no se borra.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"activa": false}))]
pub struct AreaPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 100)]
    nombre: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    activa: Campo<bool>,
}

/// Una severidad nueva.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"nombre": "Crítica", "meta_horas": 8}))]
pub struct SeveridadCreate {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100)]
    nombre: Campo<String>,
    /// Horas, desde que llega, en que debe decidirse un reporte; 168 si no se dice.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false, minimum = 1, maximum = 87_600)]
    meta_horas: Campo<i64>,
    /// Avisar al momento y aparte de sus reportes; false si no se dice.
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    urgente: Campo<bool>,
}

/// Lo que cambia de una severidad; se desactiva, no se borra.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"meta_horas": 12}))]
pub struct SeveridadPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 100)]
    nombre: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    activa: Campo<bool>,
    /// Vale para lo que se decida desde ahora.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false, minimum = 1, maximum = 87_600)]
    meta_horas: Campo<i64>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    urgente: Campo<bool>,
}

/// Un estado nuevo.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"nombre": "En terreno", "final": false}))]
pub struct EstadoCreate {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100)]
    nombre: Campo<String>,
    /// Si un reporte en este estado está decidido. No se puede cambiar después.
    #[serde(default, rename = "final")]
    #[schema(value_type = bool, required = true)]
    es_final: Campo<bool>,
}

/// Lo que cambia de un estado.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"nombre": "En revisión"}))]
pub struct EstadoPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 100)]
    nombre: Campo<String>,
}

fn nombre_nuevo(e: &mut Errores, nombre: Campo<String>) -> Option<String> {
    e.requerido("nombre", nombre, tipo::TEXTO)
        .and_then(|t| e.toma("nombre", texto(t, 1, 100, false)))
}

fn nombre(e: &mut Errores, nombre: Campo<String>) -> Option<String> {
    e.opcional("nombre", nombre, tipo::TEXTO)
        .and_then(|t| e.toma("nombre", texto(t, 1, 100, false)))
}

fn horas(e: &mut Errores, horas: Campo<i64>) -> Option<i64> {
    e.opcional("meta_horas", horas, tipo::ENTERO)
        .and_then(|h| e.toma("meta_horas", en_rango(h)))
}

fn en_rango(horas: i64) -> Result<i64, Falla> {
    if (1..=MAX_META_HORAS).contains(&horas) {
        return Ok(horas);
    }
    Err(Falla::Rango {
        min: "1".into(),
        max: MAX_META_HORAS.to_string(),
    })
}

impl From<RechazoCatalogo> for Problema {
    fn from(r: RechazoCatalogo) -> Self {
        match r {
            RechazoCatalogo::NoEncontrado => Codigo::NoEncontrado.into(),
            RechazoCatalogo::NombreRepetido => Codigo::NombreRepetido.into(),
            RechazoCatalogo::Fallo(f) => f.into(),
        }
    }
}

/// The element's id, and the catalogue with it.
pub async fn cambia(
    app: &App,
    sesion: &Sesion,
    elemento: Elemento,
) -> Result<(i64, Arc<Catalogo>), Problema> {
    let actor = sesion.quien.rut;
    let id = app
        .store()
        .escribir(CambioCatalogo { elemento, actor })
        .await?;
    Ok((id, app.store().catalogo().await?))
}

async fn area(app: &App, sesion: &Sesion, elemento: Elemento) -> Result<Json<Area>, Problema> {
    let (id, catalogo) = cambia(app, sesion, elemento).await?;
    let area = catalogo.area(id).cloned();
    Ok(Json(area.ok_or(Codigo::NoEncontrado)?))
}

async fn severidad(
    app: &App,
    sesion: &Sesion,
    elemento: Elemento,
) -> Result<Json<Severidad>, Problema> {
    let (id, catalogo) = cambia(app, sesion, elemento).await?;
    let severidad = catalogo.severidad(id).cloned();
    Ok(Json(severidad.ok_or(Codigo::NoEncontrado)?))
}

async fn estado(app: &App, sesion: &Sesion, elemento: Elemento) -> Result<Json<Estado>, Problema> {
    let (id, catalogo) = cambia(app, sesion, elemento).await?;
    let estado = catalogo.estado(id).cloned();
    Ok(Json(estado.ok_or(Codigo::NoEncontrado)?))
}

/// Crear un área.
#[utoipa::path(post, path = "/catalogos/areas", tag = "catalogos", request_body = AreaCreate,
    responses((status = 201, description = "Creada", body = Area)))]
pub async fn crear_area(
    State(app): State<App>,
    sesion: Sesion,
    Cuerpo { datos, .. }: Cuerpo<AreaCreate>,
) -> Result<(StatusCode, Json<Area>), Problema> {
    let mut e = Errores::default();
    let nombre = nombre_nuevo(&mut e, datos.nombre);
    let elemento = Elemento::Area {
        id: None,
        nombre: Some(e.fin(nombre)?),
        activa: None,
    };
    Ok((StatusCode::CREATED, area(&app, &sesion, elemento).await?))
}

/// Editar un área.
#[utoipa::path(patch, path = "/catalogos/areas/{id}", tag = "catalogos", request_body = AreaPatch,
    params(("id" = i64, Path, description = "Id del área")),
    responses((status = 200, description = "El área como quedó", body = Area)))]
pub async fn editar_area(
    State(app): State<App>,
    sesion: Sesion,
    Id(id): Id,
    Cuerpo { datos, .. }: Cuerpo<AreaPatch>,
) -> Result<Json<Area>, Problema> {
    let mut e = Errores::default();
    let elemento = Elemento::Area {
        id: Some(id),
        nombre: nombre(&mut e, datos.nombre),
        activa: e.opcional("activa", datos.activa, tipo::LOGICO),
    };
    area(&app, &sesion, e.fin(Some(elemento))?).await
}

/// Crear una severidad.
#[utoipa::path(post, path = "/catalogos/severidades", tag = "catalogos", request_body = SeveridadCreate,
    responses((status = 201, description = "Creada", body = Severidad)))]
pub async fn crear_severidad(
    State(app): State<App>,
    sesion: Sesion,
    Cuerpo { datos, .. }: Cuerpo<SeveridadCreate>,
) -> Result<(StatusCode, Json<Severidad>), Problema> {
    let mut e = Errores::default();
    let nombre = nombre_nuevo(&mut e, datos.nombre);
    let meta_horas = horas(&mut e, datos.meta_horas);
    let urgente = e.opcional("urgente", datos.urgente, tipo::LOGICO);
    let elemento = Elemento::Severidad {
        id: None,
        nombre: Some(e.fin(nombre)?),
        activa: None,
        meta_horas,
        urgente,
    };
    let creada = severidad(&app, &sesion, elemento).await?;
    Ok((StatusCode::CREATED, creada))
}

/// Editar una severidad.
#[utoipa::path(patch, path = "/catalogos/severidades/{id}", tag = "catalogos", request_body = SeveridadPatch,
    params(("id" = i64, Path, description = "Id de la severidad")),
    responses((status = 200, description = "La severidad como quedó", body = Severidad)))]
pub async fn editar_severidad(
    State(app): State<App>,
    sesion: Sesion,
    Id(id): Id,
    Cuerpo { datos, .. }: Cuerpo<SeveridadPatch>,
) -> Result<Json<Severidad>, Problema> {
    let mut e = Errores::default();
    let elemento = Elemento::Severidad {
        id: Some(id),
        nombre: nombre(&mut e, datos.nombre),
        activa: e.opcional("activa", datos.activa, tipo::LOGICO),
        meta_horas: horas(&mut e, datos.meta_horas),
        urgente: e.opcional("urgente", datos.urgente, tipo::LOGICO),
    };
    severidad(&app, &sesion, e.fin(Some(elemento))?).await
}

/// Crear un estado.
#[utoipa::path(post, path = "/catalogos/estados", tag = "catalogos", request_body = EstadoCreate,
    responses((status = 201, description = "Creado", body = Estado)))]
pub async fn crear_estado(
    State(app): State<App>,
    sesion: Sesion,
    Cuerpo { datos, .. }: Cuerpo<EstadoCreate>,
) -> Result<(StatusCode, Json<Estado>), Problema> {
    let mut e = Errores::default();
    let nombre = nombre_nuevo(&mut e, datos.nombre);
    let es_final = e.requerido("final", datos.es_final, tipo::LOGICO);
    let (nombre, es_final) = e.fin(nombre.zip(es_final))?;
    let elemento = Elemento::Estado {
        id: None,
        nombre: Some(nombre),
        es_final,
    };
    Ok((StatusCode::CREATED, estado(&app, &sesion, elemento).await?))
}

/// Cambiar el nombre de un estado.
#[utoipa::path(patch, path = "/catalogos/estados/{id}", tag = "catalogos", request_body = EstadoPatch,
    params(("id" = i64, Path, description = "Id del estado")),
    responses((status = 200, description = "El estado como quedó", body = Estado)))]
pub async fn editar_estado(
    State(app): State<App>,
    sesion: Sesion,
    Id(id): Id,
    Cuerpo { datos, .. }: Cuerpo<EstadoPatch>,
) -> Result<Json<Estado>, Problema> {
    let mut e = Errores::default();
    let elemento = Elemento::Estado {
        id: Some(id),
        nombre: nombre(&mut e, datos.nombre),
        es_final: false,
    };
    estado(&app, &sesion, e.fin(Some(elemento))?).await
}
