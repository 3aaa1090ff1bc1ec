//! `GET /admin/entregas` and `POST /admin/entregas/{id}/reenviar`

use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use serde::{Deserialize, Serialize};
use sigra_domain::{FieldErrorKind, campo::FieldErrors};
use sigra_store::notifications::{self, Resend, deliveries};
use utoipa::{IntoParams, ToSchema};

use crate::{
    App,
    auth::guard::Session,
    body::{Id, QueryParams},
    code::Codigo,
    page::{self, PageParams, Pagina, cursor, fingerprint},
    problem::Problema,
};

pub const CODIGOS: &[Codigo] = &[Codigo::DatosInvalidos, Codigo::CursorInvalido];
pub const CODIGOS_REENVIAR: &[Codigo] = &[Codigo::NoEncontrado];

const ESTADOS: [&str; 3] = ["muerta", "pendiente", "entregada"];

#[derive(Deserialize, Serialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// `muerta` (si no se dice), `pendiente` o `entregada`.
    #[param(example = "muerta")]
    estado: Option<String>,
}

/// Algo que salió, o debía salir, del servidor.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 318, "canal": "webhook", "destino": 2, "evento": "reporte.creado", "reporte_id": 17, "estado": "muerta",
    "intentos": 10, "proximo": null, "error": "El receptor tuvo un problema (HTTP 500): revise sus registros.",
    "creada": "2026-03-01T21:40:02.117Z", "terminada": "2026-03-03T10:12:40.002Z"
}))]
pub struct Entrega {
    pub id: i64,
    /// `correo`, `push` o `webhook`.
    pub canal: String,
    /// El RUT de la persona, o el id de la suscripción o del webhook.
    pub destino: i64,
    pub evento: String,
    pub reporte_id: Option<i64>,
    pub estado: String,
    pub intentos: i64,
    /// Cuándo se intenta de nuevo; null si no se intenta más.
    #[schema(format = DateTime)]
    pub proximo: Option<String>,
    /// Por qué no se pudo, la última vez.
    pub error: Option<String>,
    #[schema(format = DateTime)]
    pub creada: String,
    #[schema(format = DateTime)]
    pub terminada: Option<String>,
}

/// Ver lo que salió del servidor.
///
/// Correos, notificaciones push y webhooks, del más nuevo al más antiguo. Lo que falló diez veces, o lleva tres días, queda
/// como `muerta` y se puede reenviar. Se guarda 90 días.
#[utoipa::path(get, path = "/admin/entregas", tag = "administracion", params(Parametros, PageParams),
    responses((status = 200, description = "Una página", body = Pagina<Entrega>, headers(("Link" = String)))))]
pub async fn listar(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    QueryParams(p): QueryParams<Parametros>,
    QueryParams(params): QueryParams<PageParams>,
) -> Result<Response, Problema> {
    let fingerprint = fingerprint(&("entregas", &p));
    let mut e = FieldErrors::default();
    let limite = params.limit(&mut e);
    let estado = match p.estado.as_deref() {
        None | Some("") => Some(ESTADOS[0]),
        Some(dicho) => {
            let conocido = ESTADOS.into_iter().find(|s| *s == dicho);
            e.take("estado", conocido.ok_or(FieldErrorKind::NoExiste))
        }
    };
    let estado = e.finish(estado)?;
    let antes_de = params.after(&fingerprint)?;
    let mut conn = app.store().read().await?;
    let todas = deliveries(&mut conn, estado, antes_de, limite + 1).await?;
    drop(conn);
    let ultima = |e: &notifications::Delivery| cursor(&fingerprint, e.id);
    let (todas, siguiente) = page::cut_page(todas, limite, ultima);
    let items = todas.into_iter().map(to_dto).collect();
    Ok(page::respond(&uri, &Pagina { items, siguiente }))
}

fn to_dto(e: notifications::Delivery) -> Entrega {
    let sigue = e.terminada.is_none();
    Entrega {
        id: e.id,
        canal: e.canal,
        destino: e.destino,
        evento: e.evento,
        reporte_id: e.reporte_id,
        estado: e.estado,
        intentos: e.intentos,
        proximo: sigue.then(|| e.proximo.to_string()),
        error: e.error,
        creada: e.creada.to_string(),
        terminada: e.terminada.map(|t| t.to_string()),
    }
}

/// Reenviar algo que se dio por perdido.
///
/// Con el mismo id, y desde el primer intento. Lo que no está `muerta` queda como está.
#[utoipa::path(post, path = "/admin/entregas/{id}/reenviar", tag = "administracion",
    params(("id" = i64, Path, description = "Id de la entrega")),
    responses((status = 204, description = "Se envía de nuevo")))]
pub async fn reenviar(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<StatusCode, Problema> {
    let actor = sesion.quien.rut;
    if app.store().write(Resend { id, actor }).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Codigo::NoEncontrado.into())
    }
}
