//! `POST /reportes`

use axum::{extract::State, http::StatusCode, response::Response};
use sigra_domain::reporte::ReporteCreate;
use sigra_store::{
    StoreError, StoredResponse,
    reportes::{CreateReporte, CreatedReporte},
};

use super::dto::Reporte;
use crate::{
    App,
    auth::guard::Session,
    body::JsonBody,
    code::Codigo,
    files::adopt,
    idempotent::{IdempotencyHeader, reporte_response, to_http, to_problema, write},
    problem::Problema,
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
    sesion: Session,
    header: IdempotencyHeader,
    JsonBody { datos, sha256 }: JsonBody<ReporteCreate>,
) -> Result<Response, Problema> {
    let key = header.bind(&sesion, sha256);
    let nuevo = datos.validate(&sesion.catalogo)?;
    let archivos = nuevo.contenido.multimedia.iter().flatten();
    let uuids: Vec<String> = archivos.map(|a| a.uuid_cliente.clone()).collect();
    let autor = sesion.nombre.clone();
    let op = CreateReporte::new(app.store(), &sesion.quien, autor, nuevo, app.zona())?;
    if key.is_none() {
        let creado = app.create_batcher().create(op).await;
        let mut creado = creado.map_err(|refused| to_problema(refused, &sesion))?;
        let adoptados = adopt(&app, &sesion, uuids.iter().map(String::as_str)).await;
        let id = creado.leido.reporte.id;
        if let Some(leido) = adoptados.into_iter().rfind(|l| l.reporte.id == id) {
            creado.leido = leido;
        }
        return Ok(to_http(respond(&creado, &sesion)?));
    }
    let s = sesion.clone();
    let to_response = move |creado: CreatedReporte| respond(&creado, &s);
    let response = write(&app, &sesion, key, op, to_response).await?;
    // The key keeps the answer as it was when the report was written.
    adopt(&app, &sesion, uuids.iter().map(String::as_str)).await;
    Ok(response)
}

fn respond(creado: &CreatedReporte, sesion: &Session) -> Result<StoredResponse, StoreError> {
    let status = if creado.es_nuevo {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    reporte_response(status, &creado.leido, sesion)
}
