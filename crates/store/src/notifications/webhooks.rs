//! Other systems that are told of events. Each change of one is in the bitácora of settings, without its
//! secret.

use serde_json::json as valor;
use sigra_domain::{
    Evento, Instante, Rut,
    bitacora::{FieldValues, diff},
};
use sigra_store_macros::FromRow;

use super::{ack::dead_letter, outbox::webhook_circuit};
use crate::{
    ReadConn, Reason, Refused, StoreError, Tx, Write,
    db::{json, with_conn},
};

/// The most that a site may have: each event is written once for each.
pub const MAX_WEBHOOKS: i64 = 20;
/// How long the secret before the last still signs.
const OVERLAP: i64 = Instante::DAY;

/// One, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub id: i64,
    pub url: String,
    pub descripcion: String,
    pub eventos: Vec<Evento>,
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
struct Row {
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

macro_rules! select_columns {
    ($resto:literal) => {
        concat!(
            "SELECT w.id, w.url, w.descripcion, w.eventos, w.activo, w.creado, w.anterior_hasta, ",
            "coalesce(c.fallos, 0) AS fallos, coalesce(c.abierto_hasta, 0) AS abierto_hasta ",
            "FROM webhooks w LEFT JOIN circuitos c ON c.circuito = 'webhook:' || CAST(w.id AS TEXT) ",
            $resto
        )
    };
}

/// The events that one wants, as its row has them.
pub(super) fn parse_eventos(json: &str) -> Vec<Evento> {
    let nombres: Vec<String> = serde_json::from_str(json).unwrap_or_default();
    nombres
        .iter()
        .filter_map(|n| Evento::from_name(n))
        .collect()
}

impl Row {
    fn webhook(self, ahora: Instante) -> Webhook {
        let despues = |t: i64| Some(Instante(t)).filter(|t| *t > ahora);
        Webhook {
            id: self.id,
            url: self.url,
            descripcion: self.descripcion,
            eventos: parse_eventos(&self.eventos),
            activo: self.activo,
            creado: Instante(self.creado),
            anterior_hasta: self.anterior_hasta.and_then(despues),
            fallos: self.fallos,
            en_pausa_hasta: despues(self.abierto_hasta),
        }
    }
}

/// All there are, oldest first.
pub async fn webhooks(lectura: &mut ReadConn, ahora: Instante) -> Result<Vec<Webhook>, StoreError> {
    let filas: Vec<Row> = with_conn!(lectura.conn(), c => sqlx::query_as(select_columns!("ORDER BY w.id"))
        .fetch_all(&mut **c).await)?;
    Ok(filas.into_iter().map(|f| f.webhook(ahora)).collect())
}

/// What is done with one.
#[derive(Clone, Debug)]
pub enum WebhookChange {
    Crear {
        url: String,
        descripcion: String,
        eventos: Vec<Evento>,
        secreto: String,
    },
    /// `None` leaves a value as it is.
    Editar {
        id: i64,
        url: Option<String>,
        descripcion: Option<String>,
        eventos: Option<Vec<Evento>>,
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
pub struct ChangeWebhook {
    pub cambio: WebhookChange,
    pub actor: Rut,
}

#[derive(Debug)]
pub enum WebhookRefusal {
    NoEncontrado,
    Demasiados,
}

impl Reason for WebhookRefusal {}

impl Write for ChangeWebhook {
    /// As it is now; `None` when it was taken away.
    type Out = Option<Webhook>;
    type Err = Refused<WebhookRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Webhook>, Refused<WebhookRefusal>> {
        tx.lock_settings().await?;
        let (id, accion, cambios) = match &self.cambio {
            WebhookChange::Crear { secreto, .. } => {
                let nuevo = self.cambio.apply_to(None);
                let id = create(tx, &nuevo, secreto).await?;
                (id, "crear", diff(&FieldValues::new(), &nuevo.values()))
            }
            WebhookChange::Editar { id, .. } => {
                let antes = find_webhook(tx, *id).await?;
                let despues = self.cambio.apply_to(Some(&antes));
                edit(tx, &despues).await?;
                if !despues.activo {
                    dead_letter_pending(tx, *id, "El webhook se desactivó.").await?;
                }
                if antes.url != despues.url || !antes.activo {
                    // Another place, or one that was mended, has not failed yet.
                    close_circuit(tx, *id).await?;
                }
                (*id, "editar", diff(&antes.values(), &despues.values()))
            }
            WebhookChange::Rotar { id, secreto } => {
                find_webhook(tx, *id).await?;
                with_conn!(tx.conn, c => sqlx::query(
                    "UPDATE webhooks SET secreto_anterior = secreto, secreto = $2, anterior_hasta = $3
                     WHERE id = $1")
                    .bind(id).bind(secreto.as_str()).bind(tx.ahora.plus(OVERLAP).0)
                    .execute(&mut **c).await.map(drop))?;
                (
                    *id,
                    "cambiar_secreto",
                    (FieldValues::new(), FieldValues::new()),
                )
            }
            WebhookChange::Eliminar { id } => {
                let antes = find_webhook(tx, *id).await?;
                with_conn!(tx.conn, c => sqlx::query("DELETE FROM webhooks WHERE id = $1")
                    .bind(id).execute(&mut **c).await.map(drop))?;
                dead_letter_pending(tx, *id, "El webhook se eliminó.").await?;
                close_circuit(tx, *id).await?;
                (*id, "eliminar", (antes.values(), FieldValues::new()))
            }
        };
        tx.record_setting_change(format!("webhook:{id}"), accion, Some(self.actor), cambios)
            .await?;
        match self.cambio {
            WebhookChange::Eliminar { .. } => Ok(None),
            _ => Ok(Some(find_webhook(tx, id).await?)),
        }
    }
}

impl WebhookChange {
    /// As it shall be.
    fn apply_to(&self, antes: Option<&Webhook>) -> Webhook {
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
    fn values(&self) -> FieldValues {
        let valores = valor!({"url": self.url, "descripcion": self.descripcion,
            "eventos": self.eventos, "activo": self.activo});
        valores.as_object().cloned().unwrap_or_default()
    }
}

async fn find_webhook(tx: &mut Tx<'_>, id: i64) -> Result<Webhook, Refused<WebhookRefusal>> {
    let fila: Option<Row> = with_conn!(tx.conn, c => sqlx::query_as(select_columns!("WHERE w.id = $1"))
        .bind(id).fetch_optional(&mut **c).await)?;
    let fila = fila.ok_or(WebhookRefusal::NoEncontrado)?;
    Ok(fila.webhook(tx.ahora))
}

async fn create(
    tx: &mut Tx<'_>,
    w: &Webhook,
    secreto: &str,
) -> Result<i64, Refused<WebhookRefusal>> {
    let hay: i64 = with_conn!(tx.conn, c => sqlx::query_scalar("SELECT count(*) FROM webhooks")
        .fetch_one(&mut **c).await)?;
    if hay >= MAX_WEBHOOKS {
        return Err(WebhookRefusal::Demasiados.into());
    }
    Ok(with_conn!(tx.conn, c => sqlx::query_scalar(
        "INSERT INTO webhooks (url, descripcion, eventos, activo, secreto, creado)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id")
        .bind(w.url.as_str()).bind(w.descripcion.as_str()).bind(json(&w.eventos)?).bind(w.activo)
        .bind(secreto).bind(tx.ahora.0).fetch_one(&mut **c).await)?)
}

async fn edit(tx: &mut Tx<'_>, w: &Webhook) -> Result<(), StoreError> {
    Ok(with_conn!(tx.conn, c => sqlx::query(
        "UPDATE webhooks SET url = $2, descripcion = $3, eventos = $4, activo = $5 WHERE id = $1")
        .bind(w.id).bind(w.url.as_str()).bind(w.descripcion.as_str()).bind(json(&w.eventos)?)
        .bind(w.activo).execute(&mut **c).await.map(drop))?)
}

/// What it was owed is given up.
async fn dead_letter_pending(tx: &mut Tx<'_>, id: i64, texto: &str) -> Result<(), StoreError> {
    let pendientes: Vec<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(
        "SELECT id FROM entregas WHERE canal = 'webhook' AND destino = $1 AND estado = 'pendiente'")
        .bind(id).fetch_all(&mut **c).await)?;
    dead_letter(tx, &pendientes, texto).await
}

/// It is tried again at once.
async fn close_circuit(tx: &mut Tx<'_>, id: i64) -> Result<(), StoreError> {
    Ok(
        with_conn!(tx.conn, c => sqlx::query("DELETE FROM circuitos WHERE circuito = $1")
        .bind(webhook_circuit(id)).execute(&mut **c).await.map(drop))?,
    )
}
