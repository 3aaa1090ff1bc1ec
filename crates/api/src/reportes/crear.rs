//! `POST /reportes`

use axum::{extract::State, http::StatusCode, response::Response};
use sigra_domain::reporte::ReporteCreate;
use sigra_store::{
    ConClave,
    reportes::{Creado, CrearReporte},
};

use super::vista::Reporte;
use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::Cuerpo,
    escritura::{Llave, con_reporte, escribe},
    problema::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::UuidEnConflicto, Codigo::ReporteRetirado];

/// Crear un reporte.
///
/// El mismo `uuid_cliente` con el mismo contenido otra vez responde 200 con el id del primero y no
/// crea una segunda fila: un teléfono que perdió la respuesta puede repetir sin miedo.
#[utoipa::path(post, path = "/reportes", tag = "reportes", request_body = ReporteCreate,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 a 255 caracteres; la misma clave repite la primera respuesta (7 días)")),
    responses(
        (status = 201, description = "Creado", body = Reporte,
            headers(("Location" = String), ("ETag" = String))),
        (status = 200, description = "Ya existía con el mismo contenido", body = Reporte),
    ))]
pub async fn crear(
    State(app): State<App>,
    sesion: Sesion,
    llave: Llave,
    Cuerpo { datos, sha256 }: Cuerpo<ReporteCreate>,
) -> Result<Response, Problema> {
    let clave = llave.ata(&sesion, sha256);
    let nuevo = datos.validar(&sesion.catalogo)?;
    let op = CrearReporte {
        quien: sesion.quien.clone(),
        autor: sesion.nombre.clone(),
        nuevo,
        zona: app.zona().clone(),
    };
    let s = sesion.clone();
    let responde = move |Creado { leido, es_nuevo }: Creado| {
        let status = if es_nuevo {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        con_reporte(status, &leido, &s)
    };
    escribe(
        app.store(),
        &sesion,
        ConClave {
            clave,
            op,
            responde,
        },
    )
    .await
}
