//! What a person was told, and what of it they have read.

use sigra_domain::{
    Instante, Rut,
    aviso::{Aviso, AvisoData},
};
use sigra_store_macros::FromRow;

use crate::{ReadConn, StoreError, Tx, Write, db::with_conn};

/// Something that a person was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notificacion {
    pub id: i64,
    pub aviso: Aviso,
    /// `None`: it is about a phone.
    pub reporte_id: Option<i64>,
    /// The report's version that this is about.
    pub version: i64,
    pub datos: AvisoData,
    pub creada: Instante,
    pub leida: Option<Instante>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    evento: String,
    reporte_id: Option<i64>,
    version: i64,
    datos: String,
    creada: i64,
    leida: Option<i64>,
}

impl Row {
    fn decode(self) -> Result<Notificacion, StoreError> {
        let ilegible = || StoreError::Dato(format!("notificación {}", self.id));
        Ok(Notificacion {
            id: self.id,
            aviso: Aviso::from_name(&self.evento).ok_or_else(ilegible)?,
            reporte_id: self.reporte_id,
            version: self.version,
            datos: serde_json::from_str(&self.datos).map_err(|_| ilegible())?,
            creada: Instante(self.creada),
            leida: self.leida.map(Instante),
        })
    }
}

/// A page of what `rut` was told, newest first.
pub async fn inbox(
    lectura: &mut ReadConn,
    rut: Rut,
    sin_leer: bool,
    antes_de: Option<i64>,
    limite: i64,
) -> Result<Vec<Notificacion>, StoreError> {
    let sql = if sin_leer {
        "SELECT id, evento, reporte_id, version, datos, creada, leida FROM notificaciones
         WHERE rut = $1 AND id < $2 AND leida IS NULL ORDER BY id DESC LIMIT $3"
    } else {
        "SELECT id, evento, reporte_id, version, datos, creada, leida FROM notificaciones
         WHERE rut = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
    };
    let filas: Vec<Row> = with_conn!(lectura.conn(), c => sqlx::query_as(sql)
        .bind(rut.body()).bind(antes_de.unwrap_or(i64::MAX)).bind(limite)
        .fetch_all(&mut **c).await)?;
    Ok(keep_readable(filas))
}

/// Those that can be read: one that was damaged must not keep the others from people.
fn keep_readable(filas: Vec<Row>) -> Vec<Notificacion> {
    let leidas = filas.into_iter().map(Row::decode);
    leidas
        .filter_map(|n| {
            n.inspect_err(|error| tracing::error!(%error, "una notificación no se puede leer"))
                .ok()
        })
        .collect()
}

/// Part of what somebody was told, oldest first.
#[derive(Clone, Debug)]
pub struct InboxPage {
    pub notificaciones: Vec<Notificacion>,
    /// The last that was looked at.
    pub hasta: i64,
    /// There may be more.
    pub sigue: bool,
}

/// What `rut` was told after `id`, in that order.
pub async fn after(
    lectura: &mut ReadConn,
    rut: Rut,
    id: i64,
    limite: i64,
) -> Result<InboxPage, StoreError> {
    let filas: Vec<Row> = with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT id, evento, reporte_id, version, datos, creada, leida FROM notificaciones
         WHERE rut = $1 AND id > $2 ORDER BY id LIMIT $3")
        .bind(rut.body()).bind(id).bind(limite).fetch_all(&mut **c).await)?;
    Ok(InboxPage {
        hasta: filas.last().map_or(id, |f| f.id),
        sigue: i64::try_from(filas.len()).unwrap_or(limite) >= limite,
        notificaciones: keep_readable(filas),
    })
}

/// The last one of `rut`, or of anybody; 0 when there is none.
pub async fn last_id(lectura: &mut ReadConn, rut: Option<Rut>) -> Result<i64, StoreError> {
    let Some(rut) = rut else {
        return Ok(with_conn!(lectura.conn(), c => sqlx::query_scalar(
            "SELECT coalesce(max(id), 0) FROM notificaciones").fetch_one(&mut **c).await)?);
    };
    Ok(with_conn!(lectura.conn(), c => sqlx::query_scalar(
        "SELECT coalesce(max(id), 0) FROM notificaciones WHERE rut = $1")
        .bind(rut.body()).fetch_one(&mut **c).await)?)
}

/// Who was told of something after `id`, and their last one.
pub async fn newest_since(lectura: &mut ReadConn, id: i64) -> Result<Vec<(i64, i64)>, StoreError> {
    Ok(with_conn!(lectura.conn(), c => sqlx::query_as(
        "SELECT rut, max(id) FROM notificaciones WHERE id > $1 GROUP BY rut")
        .bind(id).fetch_all(&mut **c).await)?)
}

/// They have read one.
#[derive(Debug)]
pub struct MarkRead {
    pub rut: Rut,
    pub id: i64,
}

impl Write for MarkRead {
    /// Whether they have it.
    type Out = bool;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let filas = with_conn!(tx.conn, c => sqlx::query(
            "UPDATE notificaciones SET leida = coalesce(leida, $3) WHERE id = $1 AND rut = $2")
            .bind(self.id).bind(self.rut.body()).bind(tx.ahora.0)
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        Ok(filas > 0)
    }
}

/// They have read all up to one, itself included.
#[derive(Debug)]
pub struct MarkReadUntil {
    pub rut: Rut,
    pub id: i64,
}

impl Write for MarkReadUntil {
    /// How many they had not read.
    type Out = u64;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        Ok(with_conn!(tx.conn, c => sqlx::query(
            "UPDATE notificaciones SET leida = $3 WHERE rut = $1 AND id <= $2 AND leida IS NULL")
            .bind(self.rut.body()).bind(self.id).bind(tx.ahora.0)
            .execute(&mut **c).await.map(|r| r.rows_affected()))?)
    }
}
