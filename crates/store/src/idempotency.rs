//! `Idempotency-Key`: the first good answer, kept in the transaction that earned it.

use std::future::Future;

use serde::{Deserialize, Serialize};
use sigra_domain::{Instante, Rut, retry::MAX_AGE};

use crate::{FromStoreError, Store, StoreError, Tx, Write, db::with_conn};

/// A client's key with what it is bound to.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    pub rut: Rut,
    /// Method and path.
    pub ruta: String,
    /// 1–255 ASCII characters.
    pub clave: String,
    pub sha256_cuerpo: String,
}

/// An answer that can be given again, byte for byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredResponse {
    pub status: u16,
    pub location: Option<String>,
    pub etag: Option<String>,
    /// JSON, empty for an answer without a body.
    pub cuerpo: String,
    /// Whether it is an earlier answer given again.
    #[serde(skip)]
    pub repetida: bool,
}

/// A write whose permission can be asked before a kept answer is given again.
pub trait Authorize: Write {
    fn authorize(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<(), Self::Err>> + Send;
}

/// A write under a key: the same key and body again gives the first answer; a concurrent use waits
/// for the first to end.
pub struct Idempotent<W, F> {
    pub clave: Option<IdempotencyKey>,
    pub op: W,
    /// The answer to a result.
    pub responde: F,
}

/// Why a write under a key is refused.
#[derive(Debug)]
pub enum IdempotencyRefusal<E> {
    /// The key was used with another body.
    Distinta,
    Op(E),
}

impl<E: FromStoreError> From<StoreError> for IdempotencyRefusal<E> {
    fn from(f: StoreError) -> Self {
        Self::Op(E::from(f))
    }
}

impl<E: FromStoreError> FromStoreError for IdempotencyRefusal<E> {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Distinta => None,
            Self::Op(e) => e.store_error(),
        }
    }
}

impl<W, F> Write for Idempotent<W, F>
where
    W: Authorize,
    F: Fn(W::Out) -> Result<StoredResponse, StoreError> + Send + Sync + 'static,
{
    type Out = StoredResponse;
    type Err = IdempotencyRefusal<W::Err>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<StoredResponse, Self::Err> {
        let Some(clave) = &self.clave else {
            let out = self.op.run(tx).await.map_err(IdempotencyRefusal::Op)?;
            return Ok((self.responde)(out)?);
        };
        self.op
            .authorize(tx)
            .await
            .map_err(IdempotencyRefusal::Op)?;
        if let Some((sha256, respuesta)) = reserve(tx, clave).await? {
            if sha256 != clave.sha256_cuerpo {
                return Err(IdempotencyRefusal::Distinta);
            }
            let respuesta: StoredResponse = serde_json::from_str(&respuesta)
                .map_err(|_| StoreError::Dato("idempotencia".into()))?;
            return Ok(StoredResponse {
                repetida: true,
                ..respuesta
            });
        }
        // Whatever is refused rolls the reservation back with it.
        let out = self.op.run(tx).await.map_err(IdempotencyRefusal::Op)?;
        let respuesta = (self.responde)(out)?;
        let json =
            serde_json::to_string(&respuesta).map_err(|e| StoreError::Dato(e.to_string()))?;
        with_conn!(tx.conn, c => sqlx::query(
            "UPDATE idempotencia SET respuesta = $4 WHERE rut = $1 AND ruta = $2 AND clave = $3")
            .bind(clave.rut.body()).bind(clave.ruta.as_str()).bind(clave.clave.as_str())
            .bind(json.as_str())
            .execute(&mut **c).await.map(drop).map_err(StoreError::from))?;
        Ok(respuesta)
    }
}

/// Kept this long after the first use.
const LIFETIME: i64 = 7 * Instante::DAY;

/// Takes the key, or answers what it was first used for. PostgreSQL makes this wait for a
/// concurrent transaction that took it; SQLite's writer has none.
async fn reserve(
    tx: &mut Tx<'_>,
    k: &IdempotencyKey,
) -> Result<Option<(String, String)>, StoreError> {
    let limite = tx.ahora.plus(-LIFETIME).0;
    let claimed = with_conn!(tx.conn, c => sqlx::query(
        "INSERT INTO idempotencia (rut, ruta, clave, sha256_cuerpo, respuesta, creada)
         VALUES ($1, $2, $3, $4, '', $5)
         ON CONFLICT (rut, ruta, clave) DO UPDATE
            SET sha256_cuerpo = excluded.sha256_cuerpo, respuesta = '', creada = excluded.creada
            WHERE idempotencia.creada < $6")
        .bind(k.rut.body()).bind(k.ruta.as_str()).bind(k.clave.as_str())
        .bind(k.sha256_cuerpo.as_str()).bind(tx.ahora.0).bind(limite)
        .execute(&mut **c).await.map(|r| r.rows_affected()))?;
    if claimed > 0 {
        return Ok(None);
    }
    Ok(with_conn!(tx.conn, c => sqlx::query_as(
        "SELECT sha256_cuerpo, respuesta FROM idempotencia
         WHERE rut = $1 AND ruta = $2 AND clave = $3")
        .bind(k.rut.body()).bind(k.ruta.as_str()).bind(k.clave.as_str())
        .fetch_optional(&mut **c).await)?)
}

/// Phones of one person that are remembered.
const MAX_DISPOSITIVOS: i64 = 50;

/// Removes what no client may still need: keys, sessions and counts of attempts that are over.
struct Purge;

impl Write for Purge {
    type Out = u64;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let mut borradas = 0;
        for (sql, limite) in [
            (
                "DELETE FROM idempotencia WHERE creada < $1",
                tx.ahora.plus(-LIFETIME),
            ),
            (
                "DELETE FROM intentos WHERE ultimo < $1",
                tx.ahora.plus(-Instante::DAY),
            ),
            // Sessions stay a while after their end, for whoever looks into a theft.
            (
                "DELETE FROM sesiones WHERE expira < $1",
                tx.ahora.plus(-30 * Instante::DAY),
            ),
            (
                "DELETE FROM notificaciones WHERE creada < $1",
                tx.ahora.plus(-90 * Instante::DAY),
            ),
            (
                "DELETE FROM entregas WHERE creada < $1",
                tx.ahora.plus(-90 * Instante::DAY),
            ),
            // Behind a destination that never answers not even the first try may come.
            (
                "UPDATE entregas SET estado = 'muerta', terminada = creada,
                    error = coalesce(error, 'El destino no responde hace días.')
                 WHERE estado = 'pendiente' AND tomada IS NULL AND creada < $1",
                tx.ahora.plus(-MAX_AGE),
            ),
            // What still holds after that is told again.
            (
                "DELETE FROM alarmas WHERE creada < $1",
                tx.ahora.plus(-400 * Instante::DAY),
            ),
            (
                "DELETE FROM circuitos WHERE abierto_hasta < $1",
                tx.ahora.plus(-7 * Instante::DAY),
            ),
        ] {
            borradas += with_conn!(tx.conn, c => sqlx::query(sql).bind(limite.0)
                .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        }
        // Whoever invents names for phones fills the list with their own only.
        borradas += with_conn!(tx.conn, c => sqlx::query(
            "DELETE FROM dispositivos WHERE (device_id, rut) IN (SELECT device_id, rut FROM (
                SELECT device_id, rut, row_number() OVER (PARTITION BY rut ORDER BY last_sync DESC)
                    AS n FROM dispositivos) d WHERE n > $1)")
            .bind(MAX_DISPOSITIVOS).execute(&mut **c).await.map(|r| r.rows_affected()))?;
        Ok(borradas)
    }
}

impl Store {
    /// To be called now and then.
    pub async fn purge(&self) -> Result<u64, StoreError> {
        self.write(Purge).await
    }
}
