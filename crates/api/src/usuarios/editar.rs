//! `PATCH /usuarios/{rut}`

use axum::{Json, extract::State};
use serde::Deserialize;
use sigra_domain::{
    Campo,
    campo::{Errores, tipo},
    persona,
};
use sigra_store::identidad::{CambioUsuario, EditarUsuario};
use utoipa::ToSchema;

use super::{
    RutDeRuta,
    vista::{Usuario, areas, rol},
};
use crate::{App, acceso::Sesion, codigo::Codigo, cuerpo::Cuerpo, problema::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado, Codigo::UltimoAdministrador];

/// Lo que cambia; lo ausente queda igual.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"rol": "supervisor", "areas": [1, 4]}))]
pub struct UsuarioPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 80)]
    nombre: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 80)]
    apellido_1: Campo<String>,
    /// null lo borra.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 80)]
    apellido_2: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    rol: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>, required = false)]
    areas: Campo<Vec<i64>>,
    /// null lo borra.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    email: Campo<String>,
    /// Al desactivar, sus sesiones terminan y su historia se conserva.
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    activo: Campo<bool>,
}

/// Editar un usuario.
///
/// El último administrador activo no se puede desactivar ni cambiar de rol.
#[utoipa::path(patch, path = "/usuarios/{rut}", tag = "usuarios", request_body = UsuarioPatch,
    params(("rut" = String, Path, description = "RUT, con o sin dígito verificador")),
    responses((status = 200, description = "El usuario como quedó", body = Usuario)))]
pub async fn editar(
    State(app): State<App>,
    sesion: Sesion,
    RutDeRuta(rut): RutDeRuta,
    Cuerpo { datos, .. }: Cuerpo<UsuarioPatch>,
) -> Result<Json<Usuario>, Problema> {
    let mut e = Errores::default();
    let borra = |c: &Campo<String>| matches!(c, Campo::Nulo);
    let (sin_apellido, sin_email) = (borra(&datos.apellido_2), borra(&datos.email));
    let mut texto = |campo: &str, c: Campo<String>, regla: fn(&str) -> Result<String, _>| {
        e.opcional(campo, c, tipo::TEXTO)
            .and_then(|t| e.toma(campo, regla(&t)))
    };
    let primero = texto("nombre", datos.nombre, persona::nombre);
    let apellido_1 = texto("apellido_1", datos.apellido_1, persona::nombre);
    let apellido_2 = texto("apellido_2", datos.apellido_2, persona::nombre);
    let email = texto("email", datos.email, persona::email);
    let rol = e
        .opcional("rol", datos.rol, tipo::TEXTO)
        .and_then(|t| e.toma("rol", rol(&t)));
    let areas = areas(&mut e, datos.areas);
    let activo = e.opcional("activo", datos.activo, tipo::LOGICO);
    let cambio = e.fin(Some(CambioUsuario {
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
    let editar = EditarUsuario {
        rut,
        cambio,
        actor: sesion.quien.rut,
    };
    Ok(Json(app.store().escribir(editar).await?.into()))
}
