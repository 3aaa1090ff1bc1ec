//! Other systems that are told of events. Each change of one is in the bitácora of settings, without its
//! secret.

use serde_json::json as valor;
use sigra_domain::{
    Instante, Rut,
    bitacora::{Valores, diferencia},
};
use sqlx::FromRow;

use super::{anotar::mueren, salida::circuito_de_webhook};
use crate::{
    DeFallo, Fallo, Lectura, Tx, Write,
    db::{con, json},
};

/// The most that a site may have: each event is written once for each.
pub const MAX_WEBHOOKS: i64 = 20;
/// How long the secret before the last still signs.
const TRASLAPO: i64 = Instante::DIA;

/// One, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub id: i64,
    pub url: String,
    pub descripcion: String,
    pub eventos: Vec<String>,
    pub activo: bool,
    pub creado: Instante,
    /// Until when the secret before the last signs too.
    pub anterior_hasta: Option<Instante>,
    /// Failures in a row.
    pub fallos: i64,
    /// Until when it is left alone.
    pub en_pausa_hasta: Option<Instante>,
}

#[derive(FromRow)]
struct Fila {
    id: i64,
    url: String,
    descripcion: String,
    eventos: String,
    activo: bool,
    creado: i64,
    anterior_hasta: Option<i64>,
    fallos: i64,
    abierto_hasta: i64,
}

macro_rules! seleccion {
    ($resto:literal) => {
        concat!(
            "SELECT w.id, w.url, w.descripcion, w.eventos, w.activo, w.creado, w.anterior_hasta, ",
            "coalesce(c.fallos, 0) AS fallos, coalesce(c.abierto_hasta, 0) AS abierto_hasta ",
            "FROM webhooks w LEFT JOIN circuitos c ON c.circuito = 'webhook:' || CAST(w.id AS TEXT) ",
            $resto
        )
    };
}

impl Fila {
    fn webhook(self, ahora: Instante) -> Webhook {
        let despues = |t: i64| Some(Instante(t)).filter(|t| *t > ahora);
        Webhook {
            id: self.id,
            url: self.url,
            descripcion: self.descripcion,
            eventos: serde_json::from_str(&self.eventos).unwrap_or_default(),
            activo: self.activo,
            creado: Instante(self.creado),
            anterior_hasta: self.anterior_hasta.and_then(despues),
            fallos: self.fallos,
            en_pausa_hasta: despues(self.abierto_hasta),
        }
    }
}

/// All there are, oldest first.
pub async fn webhooks(lectura: &mut Lectura, ahora: Instante) -> Result<Vec<Webhook>, Fallo> {
    let filas: Vec<Fila> = con!(lectura.conn(), c => sqlx::query_as(seleccion!("ORDER BY w.id"))
        .fetch_all(&mut **c).await)?;
    Ok(filas.into_iter().map(|f| f.webhook(ahora)).collect())
}

/// What is done with one.
#[derive(Clone, Debug)]
pub enum CambioWebhook {
    Crear {
        url: String,
        descripcion: String,
        eventos: Vec<String>,
        secreto: String,
    },
    /// `None` leaves a value as it is.
    Editar {
        id: i64,
        url: Option<String>,
        descripcion: Option<String>,
        eventos: Option<Vec<String>>,
        activo: Option<bool>,
    },
    /// A new secret; the one before still signs for a day.
    Rotar {
        id: i64,
        secreto: String,
    },
    Eliminar {
        id: i64,
    },
}

#[derive(Debug)]
pub struct CambiarWebhook {
    pub cambio: CambioWebhook,
    pub actor: Rut,
}

#[derive(Debug)]
pub enum RechazoWebhook {
    NoEncontrado,
    Demasiados,
    Fallo(Fallo),
}

impl From<Fallo> for RechazoWebhook {
    fn from(f: Fallo) -> Self {
        Self::Fallo(f)
    }
}

impl From<sqlx::Error> for RechazoWebhook {
    fn from(e: sqlx::Error) -> Self {
        Self::Fallo(e.into())
    }
}

impl DeFallo for RechazoWebhook {
    fn fallo(&self) -> Option<&Fallo> {
        match self {
            Self::Fallo(f) => Some(f),
            _ => None,
        }
    }
}

impl Write for CambiarWebhook {
    /// As it is now; `None` when it was taken away.
    type Out = Option<Webhook>;
    type Err = RechazoWebhook;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Webhook>, RechazoWebhook> {
        tx.bloquea_ajustes().await?;
        let (id, accion, cambios) = match &self.cambio {
            CambioWebhook::Crear { secreto, .. } => {
                let nuevo = self.cambio.sobre(None);
                let id = crea(tx, &nuevo, secreto).await?;
                (id, "crear", diferencia(&Valores::new(), &nuevo.valores()))
            }
            CambioWebhook::Editar { id, .. } => {
                let antes = uno(tx, *id).await?;
                let despues = self.cambio.sobre(Some(&antes));
                edita(tx, &despues).await?;
                if !despues.activo {
                    sin_deudas(tx, *id, "El webhook se desactivó.").await?;
                }
                if antes.url != despues.url || !antes.activo {
                    // Another place, or one that was mended, has not failed yet.
                    cierra(tx, *id).await?;
                }
                (
                    *id,
                    "editar",
                    diferencia(&antes.valores(), &despues.valores()),
                )
            }
            CambioWebhook::Rotar { id, secreto } => {
                uno(tx, *id).await?;
                con!(tx.conn, c => sqlx::query(
                    "UPDATE webhooks SET secreto_anterior = secreto, secreto = $2, anterior_hasta = $3
                     WHERE id = $1")
                    .bind(id).bind(secreto.as_str()).bind(tx.ahora.mas(TRASLAPO).0)
                    .execute(&mut **c).await.map(drop))?;
                (*id, "cambiar_secreto", (Valores::new(), Valores::new()))
            }
            CambioWebhook::Eliminar { id } => {
                let antes = uno(tx, *id).await?;
                con!(tx.conn, c => sqlx::query("DELETE FROM webhooks WHERE id = $1")
                    .bind(id).execute(&mut **c).await.map(drop))?;
                sin_deudas(tx, *id, "El webhook se eliminó.").await?;
                cierra(tx, *id).await?;
                (*id, "eliminar", (antes.valores(), Valores::new()))
            }
        };
        tx.anota_ajuste(format!("webhook:{id}"), accion, Some(self.actor), cambios)
            .await?;
        match self.cambio {
            CambioWebhook::Eliminar { .. } => Ok(None),
            _ => Ok(Some(uno(tx, id).await?)),
        }
    }
}

impl CambioWebhook {
    /// As it shall be.
    fn sobre(&self, antes: Option<&Webhook>) -> Webhook {
        let mut nuevo = antes.cloned().unwrap_or(Webhook {
            id: 0,
            url: String::new(),
            descripcion: String::new(),
            eventos: vec![],
            activo: true,
            creado: Instante(0),
            anterior_hasta: None,
            fallos: 0,
            en_pausa_hasta: None,
        });
        let (url, descripcion, eventos, activo) = match self.clone() {
            Self::Crear {
                url,
                descripcion,
                eventos,
                ..
            } => (Some(url), Some(descripcion), Some(eventos), None),
            Self::Editar {
                url,
                descripcion,
                eventos,
                activo,
                ..
            } => (url, descripcion, eventos, activo),
            Self::Rotar { .. } | Self::Eliminar { .. } => (None, None, None, None),
        };
        nuevo.url = url.unwrap_or(nuevo.url);
        nuevo.descripcion = descripcion.unwrap_or(nuevo.descripcion);
        nuevo.eventos = eventos.unwrap_or(nuevo.eventos);
        nuevo.activo = activo.unwrap_or(nuevo.activo);
        nuevo
    }
}

impl Webhook {
    /// What the bitácora of settings keeps of it.
    fn valores(&self) -> Valores {
        let valores = valor!({"url": self.url, "descripcion": self.descripcion,
            "eventos": self.eventos, "activo": self.activo});
        valores.as_object().cloned().unwrap_or_default()
    }
}

async fn uno(tx: &mut Tx<'_>, id: i64) -> Result<Webhook, RechazoWebhook> {
    let fila: Option<Fila> = con!(tx.conn, c => sqlx::query_as(seleccion!("WHERE w.id = $1"))
        .bind(id).fetch_optional(&mut **c).await)?;
    let fila = fila.ok_or(RechazoWebhook::NoEncontrado)?;
    Ok(fila.webhook(tx.ahora))
}

async fn crea(tx: &mut Tx<'_>, w: &Webhook, secreto: &str) -> Result<i64, RechazoWebhook> {
    let hay: i64 = con!(tx.conn, c => sqlx::query_scalar("SELECT count(*) FROM webhooks")
        .fetch_one(&mut **c).await)?;
    if hay >= MAX_WEBHOOKS {
        return Err(RechazoWebhook::Demasiados);
    }
    Ok(con!(tx.conn, c => sqlx::query_scalar(
        "INSERT INTO webhooks (url, descripcion, eventos, activo, secreto, creado)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id")
        .bind(w.url.as_str()).bind(w.descripcion.as_str()).bind(json(&w.eventos)?).bind(w.activo)
        .bind(secreto).bind(tx.ahora.0).fetch_one(&mut **c).await)?)
}

async fn edita(tx: &mut Tx<'_>, w: &Webhook) -> Result<(), Fallo> {
    Ok(con!(tx.conn, c => sqlx::query(
        "UPDATE webhooks SET url = $2, descripcion = $3, eventos = $4, activo = $5 WHERE id = $1")
        .bind(w.id).bind(w.url.as_str()).bind(w.descripcion.as_str()).bind(json(&w.eventos)?)
        .bind(w.activo).execute(&mut **c).await.map(drop))?)
}

/// What it was owed is given up.
async fn sin_deudas(tx: &mut Tx<'_>, id: i64, texto: &str) -> Result<(), Fallo> {
    let pendientes: Vec<i64> = con!(tx.conn, c => sqlx::query_scalar(
        "SELECT id FROM entregas WHERE canal = 'webhook' AND destino = $1 AND estado = 'pendiente'")
        .bind(id).fetch_all(&mut **c).await)?;
    mueren(tx, &pendientes, texto).await
}

/// It is tried again at once.
async fn cierra(tx: &mut Tx<'_>, id: i64) -> Result<(), Fallo> {
    Ok(
        con!(tx.conn, c => sqlx::query("DELETE FROM circuitos WHERE circuito = $1")
        .bind(circuito_de_webhook(id)).execute(&mut **c).await.map(drop))?,
    )
}
