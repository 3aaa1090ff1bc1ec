//! `GET` and `POST /reportes/{id}/comentarios`

use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{
    Field,
    bitacora::Entrada,
    campo::{FieldErrors, tipo},
    reporte::detalle,
};
use sigra_store::reportes::{self, AddComentario, AddedComentario, ReporteRef, comentarios};
use utoipa::ToSchema;

use super::ver::find_active;
use crate::{
    App,
    auth::guard::Session,
    body::{Id, JsonBody, QueryParams},
    code::Codigo,
    idempotent::{IdempotencyHeader, json_response, write},
    page::{self, PageParams, Pagina, cursor, fingerprint},
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::DatosInvalidos,
    Codigo::CursorInvalido,
];
pub const CODIGOS_CREAR: &[Codigo] = &[
    Codigo::NoEncontrado,
    Codigo::ReporteRetirado,
    Codigo::DemasiadosComentarios,
];

/// Lo que alguien quiere decir de un reporte.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"texto": "¿En qué pared está la roca?"}))]
pub struct ComentarioCreate {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 2_000)]
    texto: Field<String>,
}

/// Lo que alguien dijo de un reporte. No se cambia ni se borra: es una entrada de su bitácora.
#[derive(Serialize, ToSchema)]
pub struct Comentario {
    /// Número de su entrada en la bitácora del reporte.
    #[schema(example = 3)]
    pub n: i64,
    /// De quien lo dijo.
    #[schema(example = 20_000_021)]
    pub rut: i64,
    #[schema(example = "Ana Soto")]
    pub autor: String,
    #[schema(example = "¿En qué pared está la roca?")]
    pub texto: String,
    #[schema(format = DateTime, example = "2026-03-01T22:10:00.000Z")]
    pub en: String,
}

fn to_dto(e: &Entrada, autor: String) -> Comentario {
    Comentario {
        n: e.n,
        rut: e.rut.body(),
        autor,
        texto: e.detalle.clone().unwrap_or_default(),
        en: e.en.to_string(),
    }
}

/// Ver los comentarios de un reporte.
///
/// Del más antiguo al más nuevo.
#[utoipa::path(get, path = "/reportes/{id}/comentarios", tag = "reportes",
    params(("id" = i64, Path, description = "Id del reporte"), PageParams),
    responses((status = 200, description = "Una página", body = Pagina<Comentario>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    OriginalUri(uri): OriginalUri,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Response, Problema> {
    let fingerprint = fingerprint(&("comentarios", id));
    let mut e = FieldErrors::default();
    let limite = params.limit(&mut e);
    e.finish(Some(()))?;
    let tras: Option<i64> = params.after(&fingerprint)?;
    let leido = find_active(&app, &sesion, &ReporteRef::Id(id)).await?;
    let mut conn = app.store().read().await?;
    let todos = comentarios(&mut conn, &leido, tras.unwrap_or(0), limite + 1).await?;
    drop(conn);
    let ultimo = |c: &reportes::Comentario| cursor(&fingerprint, c.entrada.n);
    let (todos, siguiente) = page::cut_page(todos, limite, ultimo);
    let items = todos.into_iter().map(|c| to_dto(&c.entrada, c.autor));
    let items = items.collect();
    Ok(page::respond(&uri, &Pagina { items, siguiente }))
}

/// Comentar un reporte.
///
/// Su autor y quienes pueden decidirlo, también después de decidido. Sube la versión del reporte, y los teléfonos lo
/// reciben con los demás cambios. Lo mismo otra vez, si es lo último que se dijo, responde 200 y no se repite.
#[utoipa::path(post, path = "/reportes/{id}/comentarios", tag = "reportes", request_body = ComentarioCreate,
    params(("id" = i64, Path, description = "Id del reporte"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 a 255 caracteres; la misma clave repite la primera respuesta (7 días)")),
    responses((status = 201, description = "Dicho", body = Comentario, headers(("ETag" = String))),
        (status = 200, description = "Ya estaba dicho", body = Comentario, headers(("ETag" = String)))))]
pub async fn comentar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
    header: IdempotencyHeader,
    JsonBody { datos, sha256 }: JsonBody<ComentarioCreate>,
) -> Result<Response, Problema> {
    let key = header.bind(&sesion, sha256);
    let mut e = FieldErrors::default();
    let texto = e
        .required("texto", datos.texto, tipo::STRING)
        .and_then(|t| e.take("texto", detalle(t)));
    let op = AddComentario {
        quien: sesion.quien.clone(),
        id,
        texto: e.finish(texto)?,
    };
    let nombre = sesion.nombre.clone();
    let to_response = move |c: AddedComentario| {
        let status = if c.es_nuevo {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        json_response(status, c.version, &to_dto(&c.entrada, nombre.clone()))
    };
    write(&app, &sesion, key, op, to_response).await
}
