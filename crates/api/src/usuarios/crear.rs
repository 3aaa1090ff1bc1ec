//! `POST /usuarios`

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Campo,
    campo::{Errores, tipo},
    clave, persona,
};
use sigra_store::identidad::{CrearUsuario, Usuario as Fila};
use utoipa::ToSchema;

use super::vista::{RutDicho, Usuario, areas, rol, rut};
use crate::{App, acceso::Sesion, codigo::Codigo, cuerpo::Cuerpo, problema::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::RutExiste];

/// Una persona nueva.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"rut": "12.345.678-5", "nombre": "Rosa", "apellido_1": "Díaz", "rol": "supervisor", "areas": [1, 4]}))]
pub struct UsuarioCreate {
    #[serde(default)]
    #[schema(value_type = RutDicho, required = true)]
    rut: Campo<RutDicho>,
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 80)]
    nombre: Campo<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 80)]
    apellido_1: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 80)]
    apellido_2: Campo<String>,
    /// `administrador`, `supervisor` o `trabajador`.
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    rol: Campo<String>,
    /// Áreas a cargo, para un supervisor.
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>, required = false)]
    areas: Campo<Vec<i64>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    email: Campo<String>,
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
    sesion: Sesion,
    Cuerpo { datos, .. }: Cuerpo<UsuarioCreate>,
) -> Result<(StatusCode, Json<UsuarioCreado>), Problema> {
    let password_temporal = clave::temporal(app.store().entorno().azar());
    let mut usuario = valida(datos)?;
    usuario.hash_password = app.claves().hash(password_temporal.clone()).await?;
    let crear = CrearUsuario {
        usuario,
        actor: Some(sesion.quien.rut),
    };
    let usuario = app.store().escribir(crear).await?.into();
    Ok((
        StatusCode::CREATED,
        Json(UsuarioCreado {
            usuario,
            password_temporal,
        }),
    ))
}

fn valida(datos: UsuarioCreate) -> Result<Fila, Problema> {
    let mut e = Errores::default();
    let rut = rut(&mut e, "rut", datos.rut);
    let primero = e
        .requerido("nombre", datos.nombre, tipo::TEXTO)
        .and_then(|t| e.toma("nombre", persona::nombre(&t)));
    let apellido_1 = e
        .requerido("apellido_1", datos.apellido_1, tipo::TEXTO)
        .and_then(|t| e.toma("apellido_1", persona::nombre(&t)));
    let apellido_2 = e
        .opcional("apellido_2", datos.apellido_2, tipo::TEXTO)
        .and_then(|t| e.toma("apellido_2", persona::nombre(&t)));
    let rol = e
        .requerido("rol", datos.rol, tipo::TEXTO)
        .and_then(|t| e.toma("rol", rol(&t)));
    let areas = areas(&mut e, datos.areas).unwrap_or_default();
    let email = e
        .opcional("email", datos.email, tipo::TEXTO)
        .and_then(|t| e.toma("email", persona::email(&t)));
    let usuario = (|| {
        Some(Fila {
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
    Ok(e.fin(usuario)?)
}
