//! `POST /catalogos/areas`, `PATCH /catalogos/areas/{id}`, and the same for severidades.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use sigra_domain::{
    Campo,
    campo::{Errores, texto, tipo},
    catalogo::{Area, Severidad},
};
use sigra_store::{CambioCatalogo, CambioElemento, RechazoCatalogo, Tabla};
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

/// Un elemento nuevo del catálogo.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"nombre": "Relaves"}))]
pub struct ElementoCreate {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100)]
    nombre: Campo<String>,
}

/// Lo que cambia de un elemento; se desactiva, no se borra.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"activa": false}))]
pub struct ElementoPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 100)]
    nombre: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    activa: Campo<bool>,
}

impl ElementoCreate {
    fn valida(self) -> Result<CambioElemento, Problema> {
        let mut e = Errores::default();
        let nombre = e
            .requerido("nombre", self.nombre, tipo::TEXTO)
            .and_then(|t| e.toma("nombre", texto(t, 1, 100, false)));
        Ok(CambioElemento {
            nombre: Some(e.fin(nombre)?),
            activa: None,
        })
    }
}

impl ElementoPatch {
    fn valida(self) -> Result<CambioElemento, Problema> {
        let mut e = Errores::default();
        let nombre = e
            .opcional("nombre", self.nombre, tipo::TEXTO)
            .and_then(|t| e.toma("nombre", texto(t, 1, 100, false)));
        let activa = e.opcional("activa", self.activa, tipo::LOGICO);
        Ok(e.fin(Some(CambioElemento { nombre, activa }))?)
    }
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

async fn cambia(
    app: &App,
    sesion: &Sesion,
    tabla: Tabla,
    id: Option<i64>,
    cambio: CambioElemento,
) -> Result<(i64, String, bool), Problema> {
    let actor = sesion.quien.rut;
    Ok(app
        .store()
        .escribir(CambioCatalogo {
            tabla,
            id,
            cambio,
            actor,
        })
        .await?)
}

/// Crear un área.
#[utoipa::path(post, path = "/catalogos/areas", tag = "catalogos", request_body = ElementoCreate,
    responses((status = 201, description = "Creada", body = Area)))]
pub async fn crear_area(
    State(app): State<App>,
    sesion: Sesion,
    Cuerpo { datos, .. }: Cuerpo<ElementoCreate>,
) -> Result<(StatusCode, Json<Area>), Problema> {
    let (id, nombre, activa) = cambia(&app, &sesion, Tabla::Areas, None, datos.valida()?).await?;
    Ok((StatusCode::CREATED, Json(Area { id, nombre, activa })))
}

/// Editar un área.
#[utoipa::path(patch, path = "/catalogos/areas/{id}", tag = "catalogos", request_body = ElementoPatch,
    params(("id" = i64, Path, description = "Id del área")),
    responses((status = 200, description = "El área como quedó", body = Area)))]
pub async fn editar_area(
    State(app): State<App>,
    sesion: Sesion,
    Id(id): Id,
    Cuerpo { datos, .. }: Cuerpo<ElementoPatch>,
) -> Result<Json<Area>, Problema> {
    let (id, nombre, activa) =
        cambia(&app, &sesion, Tabla::Areas, Some(id), datos.valida()?).await?;
    Ok(Json(Area { id, nombre, activa }))
}

/// Crear una severidad.
#[utoipa::path(post, path = "/catalogos/severidades", tag = "catalogos", request_body = ElementoCreate,
    responses((status = 201, description = "Creada", body = Severidad)))]
pub async fn crear_severidad(
    State(app): State<App>,
    sesion: Sesion,
    Cuerpo { datos, .. }: Cuerpo<ElementoCreate>,
) -> Result<(StatusCode, Json<Severidad>), Problema> {
    let (id, nombre, activa) =
        cambia(&app, &sesion, Tabla::Severidades, None, datos.valida()?).await?;
    Ok((StatusCode::CREATED, Json(Severidad { id, nombre, activa })))
}

/// Editar una severidad.
#[utoipa::path(patch, path = "/catalogos/severidades/{id}", tag = "catalogos", request_body = ElementoPatch,
    params(("id" = i64, Path, description = "Id de la severidad")),
    responses((status = 200, description = "La severidad como quedó", body = Severidad)))]
pub async fn editar_severidad(
    State(app): State<App>,
    sesion: Sesion,
    Id(id): Id,
    Cuerpo { datos, .. }: Cuerpo<ElementoPatch>,
) -> Result<Json<Severidad>, Problema> {
    let (id, nombre, activa) =
        cambia(&app, &sesion, Tabla::Severidades, Some(id), datos.valida()?).await?;
    Ok(Json(Severidad { id, nombre, activa }))
}
