//! `POST /reportes`

use axum::{extract::State, http::StatusCode, response::Response};
use sigra_domain::reporte::ReporteCreate;
use sigra_store::{
    ConClave, Fallo, Respuesta,
    reportes::{Creado, CrearReporte},
};

use super::vista::Reporte;
use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::Cuerpo,
    escritura::{Llave, a_http, con_reporte, escribe, problema},
    multimedia::adopta,
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
    let archivos = nuevo.contenido.multimedia.iter().flatten();
    let uuids: Vec<String> = archivos.map(|a| a.uuid_cliente.clone()).collect();
    let autor = sesion.nombre.clone();
    let op = CrearReporte::nueva(app.store(), &sesion.quien, autor, nuevo, app.zona())?;
    if clave.is_none() {
        let creado = app.entrada().crea(op).await;
        let mut creado = creado.map_err(|rechazo| problema(rechazo, &sesion))?;
        let adoptados = adopta(&app, &sesion, uuids.iter().map(String::as_str)).await;
        let id = creado.leido.reporte.id;
        if let Some(leido) = adoptados.into_iter().rfind(|l| l.reporte.id == id) {
            creado.leido = leido;
        }
        return Ok(a_http(responde(&creado, &sesion)?));
    }
    let s = sesion.clone();
    let escritura = ConClave {
        clave,
        op,
        responde: move |creado: Creado| responde(&creado, &s),
    };
    let respuesta = escribe(app.store(), &sesion, escritura).await?;
    // The key keeps the answer as it was when the report was written.
    adopta(&app, &sesion, uuids.iter().map(String::as_str)).await;
    Ok(respuesta)
}

fn responde(creado: &Creado, sesion: &Sesion) -> Result<Respuesta, Fallo> {
    let status = if creado.es_nuevo {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    con_reporte(status, &creado.leido, sesion)
}
