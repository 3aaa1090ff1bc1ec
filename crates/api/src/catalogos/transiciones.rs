//! `PUT` and `DELETE /catalogos/transiciones/{desde}/{hacia}`

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use sigra_domain::{
    Field, Rol,
    campo::{BoundedList, FieldErrors, tipo},
    catalogo::Transicion,
};
use sigra_store::TransicionEdit;
use utoipa::ToSchema;

use super::editar::update;
use crate::{
    App,
    auth::guard::Session,
    body::{Ids, JsonBody},
    code::Codigo,
    name_list::parse_names,
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado];

/// Roles that exist.
const ROL_COUNT: usize = Rol::ALL.len();

/// Quiénes pueden dar un paso entre dos estados.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"roles": ["administrador", "supervisor"]}))]
pub struct TransicionPut {
    /// Al menos uno; con `trabajador`, también el autor del reporte.
    #[serde(default)]
    #[schema(value_type = Vec<Rol>, required = true, min_items = 1, max_items = 3)]
    roles: Field<BoundedList<String, ROL_COUNT>>,
}

impl TransicionPut {
    fn validate(self) -> Result<Vec<Rol>, Problema> {
        let mut e = FieldErrors::default();
        let roles = e.required("roles", self.roles, tipo::LIST);
        let roles = parse_names(&mut e, "roles", roles, 1, Rol::from_name);
        Ok(e.finish(roles)?)
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
    sesion: Session,
    Ids(desde, hacia): Ids,
    JsonBody { datos, .. }: JsonBody<TransicionPut>,
) -> Result<Json<Transicion>, Problema> {
    let roles = datos.validate()?;
    if desde == hacia {
        return Err(Codigo::NoEncontrado.into());
    }
    let item = TransicionEdit {
        desde,
        hacia,
        roles: roles.clone(),
    };
    update(&app, &sesion, item).await?;
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
    sesion: Session,
    Ids(desde, hacia): Ids,
) -> Result<StatusCode, Problema> {
    let item = TransicionEdit {
        desde,
        hacia,
        roles: vec![],
    };
    update(&app, &sesion, item).await?;
    Ok(StatusCode::NO_CONTENT)
}
