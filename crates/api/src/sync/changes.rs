//! `GET /sync/changes`

use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sigra_domain::{FieldErrorKind, Quien, campo::FieldErrors, catalogo::Catalogo};
use sigra_store::{
    Store,
    feed::{FeedChange, FeedPage, FeedPosition, read_changes},
};
use utoipa::{IntoParams, ToSchema};

use super::MAX_CHANGES;
use crate::{
    App,
    auth::guard::Session,
    body::QueryParams,
    code::Codigo,
    page::parse_integer,
    problem::Problema,
    reportes::dto::{Reporte, to_dto},
};

pub const CODIGOS: &[Codigo] = &[
    Codigo::DatosInvalidos,
    Codigo::CursorInvalido,
    Codigo::CursorVencido,
    Codigo::AlcanceCambiado,
];

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Parametros {
    /// El `cursor` de la respuesta anterior; sin él se comienza desde el principio.
    cursor: Option<String>,
    /// 1 a 1000; 200 si no se dice.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 1_000, default = 200)]
    limite: Option<String>,
}

/// Lo que cambió desde un cursor.
#[derive(Serialize, ToSchema)]
pub struct Cambios {
    /// En el orden de los cambios, cada uno en su último estado.
    pub reportes: Vec<Reporte>,
    /// Los que ya no se ven.
    pub retirados: Vec<Retirado>,
    /// Cuando cambiaron desde el cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalogos: Option<Catalogo>,
    /// Para la próxima vez; siempre está.
    #[schema(example = "eyJwIjoxMjB9")]
    pub cursor: String,
    /// Hay más para pedir ahora mismo.
    #[schema(example = false)]
    pub hay_mas: bool,
}

/// Un reporte que dejó de verse.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": 17, "uuid_cliente": "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11", "motivo": "fuera_de_alcance"}))]
pub struct Retirado {
    pub id: i64,
    pub uuid_cliente: String,
    /// `retirado` o `fuera_de_alcance`.
    pub motivo: &'static str,
}

/// Recibir lo que cambió.
///
/// Todo lo que la persona puede ver y que cambió desde el cursor, también lo propio, en un orden que es el
/// mismo para todos. Un reporte que cambió varias veces puede venir una sola vez, en su último estado; las
/// versiones nunca retroceden. Una página puede venir vacía con `hay_mas`: se sigue pidiendo.
#[utoipa::path(get, path = "/sync/changes", tag = "sync", params(Parametros),
    responses((status = 200, description = "Una página de cambios", body = Cambios)))]
pub async fn recibir(
    State(app): State<App>,
    sesion: Session,
    QueryParams(p): QueryParams<Parametros>,
) -> Result<Json<Cambios>, Problema> {
    let limite = limit(p.limite.as_deref())?;
    let cursor = p.cursor.filter(|c| !c.is_empty());
    let cursor = cursor
        .map(|c| Cursor::parse(&c, &sesion.quien))
        .transpose()?;
    let pagina = page(app.store(), &sesion.quien, cursor.as_ref(), limite).await?;
    let catalogo = &sesion.catalogo;
    let sabe = cursor.map(|c| c.c);
    let siguiente = Cursor::new(&sesion.quien, pagina.hasta, catalogo.version);
    let mut respuesta = Cambios {
        reportes: vec![],
        retirados: vec![],
        catalogos: (sabe != Some(catalogo.version)).then(|| Catalogo::clone(catalogo)),
        cursor: siguiente.encode(),
        hay_mas: pagina.hay_mas,
    };
    for cambio in pagina.cambios {
        let (leido, motivo) = match cambio {
            FeedChange::Reporte(leido) => {
                respuesta.reportes.push(to_dto(&leido, catalogo));
                continue;
            }
            FeedChange::Retirado(leido) => (leido, "retirado"),
            FeedChange::FueraDeAlcance(leido) => (leido, "fuera_de_alcance"),
        };
        respuesta.retirados.push(Retirado {
            id: leido.reporte.id,
            uuid_cliente: leido.reporte.uuid_cliente,
            motivo,
        });
    }
    Ok(Json(respuesta))
}

/// The changes that concern `quien` after a cursor.
pub async fn page(
    store: &Store,
    quien: &Quien,
    cursor: Option<&Cursor>,
    limite: i64,
) -> Result<FeedPage, Problema> {
    store.sequence_changes().await?;
    let desde = cursor.map(Cursor::position).unwrap_or_default();
    let mut conn = store.read().await?;
    read_changes(&mut conn, quien, desde, limite)
        .await?
        .map_err(|_| Codigo::CursorVencido.into())
}

fn limit(texto: Option<&str>) -> Result<i64, Problema> {
    const DEFAULT_LIMIT: i64 = 200;
    let Some(texto) = texto.filter(|t| !t.is_empty()) else {
        return Ok(DEFAULT_LIMIT);
    };
    let mut e = FieldErrors::default();
    let n = parse_integer("limite", texto, &mut e).unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_CHANGES).contains(&n) {
        e.add(
            "limite",
            FieldErrorKind::Rango {
                min: "1".into(),
                max: MAX_CHANGES.to_string(),
            },
        );
    }
    Ok(e.finish(Some(n))?)
}

/// A reader's place: opaque to clients, and worth nothing to another reader.
#[derive(Serialize, Deserialize)]
pub struct Cursor {
    /// Number and epoch of a change in the feed.
    p: i64,
    m: i64,
    /// Whose it is.
    r: i64,
    /// What they could see: role and areas.
    a: String,
    /// The catalogue's version that they know.
    c: i64,
}

impl Cursor {
    fn new(quien: &Quien, hasta: FeedPosition, catalogo: i64) -> Self {
        Self {
            p: hasta.seq,
            m: hasta.epoch,
            r: quien.rut.body(),
            a: scope(quien),
            c: catalogo,
        }
    }

    /// Reads a cursor of `quien`.
    pub fn parse(texto: &str, quien: &Quien) -> Result<Self, Problema> {
        let ajeno = || Problema::from(Codigo::CursorInvalido);
        if texto.len() > 2_000 {
            return Err(ajeno());
        }
        let json = URL_SAFE_NO_PAD.decode(texto).map_err(|_| ajeno())?;
        let cursor: Self = serde_json::from_slice(&json).map_err(|_| ajeno())?;
        if cursor.r != quien.rut.body() || cursor.p < 0 {
            return Err(ajeno());
        }
        if cursor.a != scope(quien) {
            return Err(Codigo::AlcanceCambiado.into());
        }
        Ok(cursor)
    }

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn position(&self) -> FeedPosition {
        FeedPosition {
            seq: self.p,
            epoch: self.m,
        }
    }
}

fn scope(quien: &Quien) -> String {
    let mut areas = quien.supervised_areas().to_vec();
    areas.sort_unstable();
    let areas: Vec<String> = areas.iter().map(i64::to_string).collect();
    format!("{}:{}", quien.rol.name(), areas.join(","))
}
