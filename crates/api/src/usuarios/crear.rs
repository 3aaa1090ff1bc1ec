//! `POST /usuarios`

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Field,
    campo::{FieldErrors, tipo},
    password, persona,
};
use sigra_store::identity::{CreateUsuario, Usuario as UsuarioRow};
use utoipa::ToSchema;

use super::dto::{RutDicho, Usuario, areas, parse_rol, parse_rut};
use crate::{App, auth::guard::Session, body::JsonBody, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::RutExiste];

/// Una persona nueva.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"rut": "12.345.678-5", "nombre": "Rosa", "apellido_1": "Díaz", "rol": "supervisor", "areas": [1, 4]}))]
pub struct UsuarioCreate {
    #[serde(default)]
    #[schema(value_type = RutDicho, required = true)]
    rut: Field<RutDicho>,
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 80)]
    nombre: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 80)]
    apellido_1: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 80)]
    apellido_2: Field<String>,
    /// `administrador`, `supervisor` o `trabajador`.
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    rol: Field<String>,
    /// Áreas a cargo, para un supervisor.
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>, required = false)]
    areas: Field<Vec<i64>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    email: Field<String>,
}

/// La persona y su contraseña de una vez, que no se vuelve a mostrar.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "rut": 12_345_678, "rut_formateado": "12.345.678-5", "nombre": "Rosa", "apellido_1": "Díaz",
    "apellido_2": null, "rol": "supervisor", "cargo": 3, "areas": [1, 4], "email": null,
    "activo": true, "creado": "2026-01-05T12:00:00.000Z", "password_temporal": "k3vh-9ndq-xw2p-amtr"
}))]
pub struct UsuarioCreado {
    #[serde(flatten)]
    pub usuario: Usuario,
    pub password_temporal: String,
}

/// Crear un usuario.
///
/// La contraseña temporal es al azar, se muestra esta única vez y hay que cambiarla al entrar.
#[utoipa::path(post, path = "/usuarios", tag = "usuarios", request_body = UsuarioCreate,
    responses((status = 201, description = "Creado", body = UsuarioCreado)))]
pub async fn crear(
    State(app): State<App>,
    sesion: Session,
    JsonBody { datos, .. }: JsonBody<UsuarioCreate>,
) -> Result<(StatusCode, Json<UsuarioCreado>), Problema> {
    let password_temporal = password::temporary(app.store().env().random());
    let mut usuario = validate(datos)?;
    usuario.hash_password = app
        .password_hasher()
        .hash(password_temporal.clone())
        .await?;
    let crear = CreateUsuario {
        usuario,
        actor: Some(sesion.quien.rut),
    };
    let usuario = app.store().write(crear).await?.into();
    Ok((
        StatusCode::CREATED,
        Json(UsuarioCreado {
            usuario,
            password_temporal,
        }),
    ))
}

fn validate(datos: UsuarioCreate) -> Result<UsuarioRow, Problema> {
    let mut e = FieldErrors::default();
    let rut = parse_rut(&mut e, "rut", datos.rut);
    let primero = e
        .required("nombre", datos.nombre, tipo::STRING)
        .and_then(|t| e.take("nombre", persona::name(&t)));
    let apellido_1 = e
        .required("apellido_1", datos.apellido_1, tipo::STRING)
        .and_then(|t| e.take("apellido_1", persona::name(&t)));
    let apellido_2 = e
        .optional("apellido_2", datos.apellido_2, tipo::STRING)
        .and_then(|t| e.take("apellido_2", persona::name(&t)));
    let rol = e
        .required("rol", datos.rol, tipo::STRING)
        .and_then(|t| e.take("rol", parse_rol(&t)));
    let areas = areas(&mut e, datos.areas).unwrap_or_default();
    let email = e
        .optional("email", datos.email, tipo::STRING)
        .and_then(|t| e.take("email", persona::email(&t)));
    let usuario = (|| {
        Some(UsuarioRow {
            rut: rut?,
            nombre: primero?,
            apellido_1: apellido_1?,
            apellido_2,
            rol: rol?,
            areas,
            email,
            activo: true,
            debe_cambiar_password: true,
            creado: sigra_domain::Instante::default(),
            hash_password: String::new(),
        })
    })();
    Ok(e.finish(usuario)?)
}
