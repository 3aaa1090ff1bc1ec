//! `GET /sync/changes`

use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sigra_domain::{Falla, Quien, campo::Errores, catalogo::Catalogo};
use sigra_store::{
    Store,
    sync::{Cambio, Marca, PaginaCambios, cambios},
};
use utoipa::{IntoParams, ToSchema};

use super::MAX_CAMBIOS;
use crate::{
    App,
    acceso::Sesion,
    codigo::Codigo,
    cuerpo::Consulta,
    pagina::entero,
    problema::Problema,
    reportes::vista::{Reporte, vista},
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
    #[schema(value_type = Option<Catalogo>)]
    pub catalogos: Option<std::sync::Arc<Catalogo>>,
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
    sesion: Sesion,
    Consulta(p): Consulta<Parametros>,
) -> Result<Json<Cambios>, Problema> {
    let limite = limite(p.limite.as_deref())?;
    let cursor = p.cursor.filter(|c| !c.is_empty());
    let cursor = cursor.map(|c| Cursor::lee(&c, &sesion.quien)).transpose()?;
    let pagina = pagina(app.store(), &sesion.quien, cursor.as_ref(), limite).await?;
    let catalogo = &sesion.catalogo;
    let sabe = cursor.map(|c| c.c);
    let siguiente = Cursor::nuevo(&sesion.quien, pagina.hasta, catalogo.version);
    let mut respuesta = Cambios {
        reportes: vec![],
        retirados: vec![],
        catalogos: (sabe != Some(catalogo.version)).then(|| catalogo.clone()),
        cursor: siguiente.escribe(),
        hay_mas: pagina.hay_mas,
    };
    for cambio in pagina.cambios {
        let (leido, motivo) = match cambio {
            Cambio::Reporte(leido) => {
                respuesta.reportes.push(vista(&leido, catalogo));
                continue;
            }
            Cambio::Retirado(leido) => (leido, "retirado"),
            Cambio::FueraDeAlcance(leido) => (leido, "fuera_de_alcance"),
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
pub async fn pagina(
    store: &Store,
    quien: &Quien,
    cursor: Option<&Cursor>,
    limite: i64,
) -> Result<PaginaCambios, Problema> {
    store.ordena_cambios().await?;
    let desde = cursor.map(Cursor::desde).unwrap_or_default();
    let mut lectura = store.leer().await?;
    cambios(&mut lectura, quien, desde, limite)
        .await?
        .map_err(|_| Codigo::CursorVencido.into())
}

fn limite(texto: Option<&str>) -> Result<i64, Problema> {
    const NORMAL: i64 = 200;
    let Some(texto) = texto.filter(|t| !t.is_empty()) else {
        return Ok(NORMAL);
    };
    let mut e = Errores::default();
    let n = entero("limite", texto, &mut e).unwrap_or(NORMAL);
    if !(1..=MAX_CAMBIOS).contains(&n) {
        e.agrega(
            "limite",
            Falla::Rango {
                min: "1".into(),
                max: MAX_CAMBIOS.to_string(),
            },
        );
    }
    Ok(e.fin(Some(n))?)
}

/// A reader's place: opaque to clients, and worth nothing to another reader.
#[derive(Serialize, Deserialize)]
pub struct Cursor {
    /// Position and mark in the feed.
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
    fn nuevo(quien: &Quien, hasta: Marca, catalogo: i64) -> Self {
        Self {
            p: hasta.posicion,
            m: hasta.marca,
            r: quien.rut.cuerpo(),
            a: alcance(quien),
            c: catalogo,
        }
    }

    /// Reads a cursor of `quien`.
    pub fn lee(texto: &str, quien: &Quien) -> Result<Self, Problema> {
        let ajeno = || Problema::from(Codigo::CursorInvalido);
        if texto.len() > 2_000 {
            return Err(ajeno());
        }
        let json = URL_SAFE_NO_PAD.decode(texto).map_err(|_| ajeno())?;
        let cursor: Self = serde_json::from_slice(&json).map_err(|_| ajeno())?;
        if cursor.r != quien.rut.cuerpo() || cursor.p < 0 {
            return Err(ajeno());
        }
        if cursor.a != alcance(quien) {
            return Err(Codigo::AlcanceCambiado.into());
        }
        Ok(cursor)
    }

    fn escribe(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn desde(&self) -> Marca {
        Marca {
            posicion: self.p,
            marca: self.m,
        }
    }
}

fn alcance(quien: &Quien) -> String {
    let mut areas = quien.areas_a_cargo().to_vec();
    areas.sort_unstable();
    let areas: Vec<String> = areas.iter().map(i64::to_string).collect();
    format!("{}:{}", quien.rol.nombre(), areas.join(","))
}
