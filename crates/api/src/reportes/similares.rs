//! `GET /reportes/{id}/similares`

use axum::{Json, extract::State};
use serde::Serialize;
use sigra_domain::{
    Instante,
    catalogo::Catalogo,
    search::search_text,
    similarity::{MAX_TEXT, MIN_SIMILARITY, Trigrams},
};
use sigra_store::reportes::{ReporteRef, SimilarReporte, neighbours};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::ver::find_active;
use crate::{App, auth::guard::Session, body::Id, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado, Codigo::ReporteRetirado];

/// Comparisons under way at once.
static COMPARE_PERMITS: Semaphore = Semaphore::const_new(2);

/// The most that are told.
const MAX_SIMILAR: usize = 20;

/// Reportes que pueden ser del mismo peligro.
#[derive(Serialize, ToSchema)]
pub struct Similares {
    /// De los más parecidos a los menos; a lo más 20.
    pub items: Vec<Similar>,
    /// Cuántos reportes de la misma área y semana se miraron.
    #[schema(example = 63)]
    pub mirados: usize,
}

/// Un reporte parecido a otro.
#[derive(Serialize, ToSchema)]
pub struct Similar {
    #[schema(example = 18)]
    pub id: i64,
    #[schema(format = "uuid", example = "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11")]
    pub uuid_cliente: String,
    #[schema(example = "Planchón suelto, galería 4")]
    pub titulo: String,
    /// Del autor.
    #[schema(example = 12_345_678)]
    pub rut: i64,
    #[schema(example = "Alta")]
    pub severidad: String,
    #[schema(example = "Pendiente")]
    pub estado: String,
    #[schema(format = Date, example = "2026-03-01")]
    pub fecha_reporte: String,
    #[schema(format = DateTime, example = "2026-03-01T18:40:00.000Z")]
    pub hora_creado: String,
    /// De 0, nada en común, a 1, las mismas palabras; se dicen desde 0.2.
    #[schema(example = 0.62)]
    pub parecido: f64,
}

/// Ver los reportes parecidos a este.
///
/// Compara las palabras del título y la descripción con las de los demás reportes de la misma área creados en la
/// semana anterior o posterior, de los que quien pregunta puede ver.
#[utoipa::path(get, path = "/reportes/{id}/similares", tag = "reportes",
    params(("id" = i64, Path, description = "Id del reporte")),
    responses((status = 200, description = "Los parecidos", body = Similares)))]
pub async fn similares(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<Json<Similares>, Problema> {
    let r = find_active(&app, &sesion, &ReporteRef::Id(id))
        .await?
        .reporte;
    let este = (id, r.contenido.area_id, r.hora_creado);
    // Some tens of milliseconds with two thousand long texts: few at a time, the others wait.
    let permit = COMPARE_PERMITS
        .acquire()
        .await
        .map_err(|e| Problema::internal(&e))?;
    let caracteres = i32::try_from(MAX_TEXT).unwrap_or(i32::MAX);
    let mut conn = app.store().read().await?;
    let otros = neighbours(&mut conn, &sesion.quien, este, caracteres).await?;
    drop(conn);
    let texto = search_text(&r.contenido.titulo, r.contenido.descripcion.as_deref());
    let mirados = otros.len();
    let parecidos = tokio::task::spawn_blocking(move || {
        // Kept until it is done, also when the client has gone.
        let _permit = permit;
        rank(&texto, otros)
    });
    let parecidos = parecidos.await.map_err(|e| Problema::internal(&e))?;
    let items = parecidos
        .into_iter()
        .map(|(parecido, v)| to_dto(v, parecido, &sesion.catalogo))
        .collect();
    Ok(Json(Similares { items, mirados }))
}

/// Those that are alike enough, the most alike first.
fn rank(texto: &str, otros: Vec<SimilarReporte>) -> Vec<(f64, SimilarReporte)> {
    let este = Trigrams::from_folded(texto);
    let otros = otros.into_iter();
    let mut todos: Vec<(f64, SimilarReporte)> = otros
        .map(|v| (este.similarity(&Trigrams::from_folded(&v.texto)), v))
        .filter(|(parecido, _)| *parecido >= MIN_SIMILARITY)
        .collect();
    todos.sort_by(|(a, va), (b, vb)| b.total_cmp(a).then(va.id.cmp(&vb.id)));
    todos.truncate(MAX_SIMILAR);
    todos
}

fn to_dto(v: SimilarReporte, parecido: f64, catalogo: &Catalogo) -> Similar {
    let severidad = catalogo.severidad(v.severidad_id);
    let estado = catalogo.estado(v.estado_id);
    Similar {
        id: v.id,
        uuid_cliente: v.uuid_cliente,
        titulo: v.titulo,
        rut: v.rut,
        severidad: severidad.map(|s| s.nombre.clone()).unwrap_or_default(),
        estado: estado.map(|e| e.nombre.clone()).unwrap_or_default(),
        fecha_reporte: v.fecha_reporte,
        hora_creado: Instante(v.hora_creado).to_string(),
        parecido: (parecido * 100.0).round() / 100.0,
    }
}
