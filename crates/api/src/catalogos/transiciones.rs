//! `PUT` and `DELETE /catalogos/transiciones/{desde}/{hacia}`

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use sigra_domain::{
    Campo, Rol,
    campo::{Errores, Lista, tipo},
    catalogo::Transicion,
};
use sigra_store::Elemento;
use utoipa::ToSchema;

use super::editar::cambia;
use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::{Cuerpo, Ids},
    nombres::nombres,
    problema::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado];

/// Roles that exist.
const ROLES: usize = Rol::TODOS.len();

/// Quiénes pueden dar un paso entre dos estados.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"roles": ["administrador", "supervisor"]}))]
pub struct TransicionPut {
    /// Al menos uno; con `trabajador`, también el autor del reporte.
    #[serde(default)]
    #[schema(value_type = Vec<Rol>, required = true, min_items = 1, max_items = 3)]
    roles: Campo<Lista<String, ROLES>>,
}

impl TransicionPut {
    fn valida(self) -> Result<Vec<Rol>, Problema> {
        let mut e = Errores::default();
        let roles = e.requerido("roles", self.roles, tipo::LISTA);
        let roles = nombres(&mut e, "roles", roles, 1, Rol::de_nombre);
        Ok(e.fin(roles)?)
    }
}

/// Permitir un paso entre dos estados.
///
/// Reemplaza los roles que pueden darlo.
#[utoipa::path(put, path = "/catalogos/transiciones/{desde}/{hacia}", tag = "catalogos",
    request_body = TransicionPut,
    params(("desde" = i64, Path, description = "Id del estado de partida"),
        ("hacia" = i64, Path, description = "Id del otro estado")),
    responses((status = 200, description = "La transición como quedó", body = Transicion)))]
pub async fn permitir(
    State(app): State<App>,
    sesion: Sesion,
    Ids(desde, hacia): Ids,
    Cuerpo { datos, .. }: Cuerpo<TransicionPut>,
) -> Result<Json<Transicion>, Problema> {
    let roles = datos.valida()?;
    if desde == hacia {
        return Err(Codigo::NoEncontrado.into());
    }
    let elemento = Elemento::Transicion {
        desde,
        hacia,
        roles: roles.clone(),
    };
    cambia(&app, &sesion, elemento).await?;
    Ok(Json(Transicion {
        desde,
        hacia,
        roles,
    }))
}

/// Quitar un paso entre dos estados.
///
/// Los reportes que ya lo dieron no cambian.
#[utoipa::path(delete, path = "/catalogos/transiciones/{desde}/{hacia}", tag = "catalogos",
    params(("desde" = i64, Path, description = "Id del estado de partida"),
        ("hacia" = i64, Path, description = "Id del otro estado")),
    responses((status = 204, description = "Quitada")))]
pub async fn quitar(
    State(app): State<App>,
    sesion: Sesion,
    Ids(desde, hacia): Ids,
) -> Result<StatusCode, Problema> {
    let elemento = Elemento::Transicion {
        desde,
        hacia,
        roles: vec![],
    };
    cambia(&app, &sesion, elemento).await?;
    Ok(StatusCode::NO_CONTENT)
}
