//! `PATCH /usuarios/{rut}`

use axum::{Json, extract::State};
use serde::Deserialize;
use sigra_domain::{
    Field,
    campo::{FieldErrors, tipo},
    persona,
};
use sigra_store::identity::{EditUsuario, UsuarioChange};
use utoipa::ToSchema;

use super::{
    PathRut,
    dto::{Usuario, areas, parse_rol},
};
use crate::{App, auth::guard::Session, body::JsonBody, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado, Codigo::UltimoAdministrador];

/// Lo que cambia; lo ausente queda igual.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"rol": "supervisor", "areas": [1, 4]}))]
pub struct UsuarioPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 80)]
    nombre: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 80)]
    apellido_1: Field<String>,
    /// null lo borra.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 80)]
    apellido_2: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    rol: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>, required = false)]
    areas: Field<Vec<i64>>,
    /// null lo borra.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    email: Field<String>,
    /// Al desactivar, sus sesiones terminan y su historia se conserva.
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    activo: Field<bool>,
}

/// Editar un usuario.
///
/// El último administrador activo no se puede desactivar ni cambiar de rol.
#[utoipa::path(patch, path = "/usuarios/{rut}", tag = "usuarios", request_body = UsuarioPatch,
    params(("rut" = String, Path, description = "RUT, con o sin dígito verificador")),
    responses((status = 200, description = "El usuario como quedó", body = Usuario)))]
pub async fn editar(
    State(app): State<App>,
    sesion: Session,
    PathRut(rut): PathRut,
    JsonBody { datos, .. }: JsonBody<UsuarioPatch>,
) -> Result<Json<Usuario>, Problema> {
    let mut e = FieldErrors::default();
    let borra = |c: &Field<String>| matches!(c, Field::Nulo);
    let (sin_apellido, sin_email) = (borra(&datos.apellido_2), borra(&datos.email));
    let mut texto = |campo: &str, c: Field<String>, regla: fn(&str) -> Result<String, _>| {
        e.optional(campo, c, tipo::STRING)
            .and_then(|t| e.take(campo, regla(&t)))
    };
    let primero = texto("nombre", datos.nombre, persona::name);
    let apellido_1 = texto("apellido_1", datos.apellido_1, persona::name);
    let apellido_2 = texto("apellido_2", datos.apellido_2, persona::name);
    let email = texto("email", datos.email, persona::email);
    let rol = e
        .optional("rol", datos.rol, tipo::STRING)
        .and_then(|t| e.take("rol", parse_rol(&t)));
    let areas = areas(&mut e, datos.areas);
    let activo = e.optional("activo", datos.activo, tipo::BOOLEAN);
    let cambio = e.finish(Some(UsuarioChange {
        nombre: primero,
        apellido_1,
        apellido_2: if sin_apellido {
            Some(None)
        } else {
            apellido_2.map(Some)
        },
        rol,
        areas,
        email: if sin_email {
            Some(None)
        } else {
            email.map(Some)
        },
        activo,
    }))?;
    let editar = EditUsuario {
        rut,
        cambio,
        actor: sesion.quien.rut,
    };
    Ok(Json(app.store().write(editar).await?.into()))
}
