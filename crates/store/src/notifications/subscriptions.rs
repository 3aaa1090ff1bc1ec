//! Browsers that take messages for a person (Web Push), and the key by which they know this site.

use sigra_domain::Rut;

use crate::{Reason, Refused, Store, StoreError, Tx, Write, db::with_conn};

/// A browser gives its address anew now and then; the oldest are forgotten.
const MAX_SUBSCRIPTIONS: i64 = 10;

/// A browser's address and keys, as it gave them.
#[derive(Clone, Debug)]
pub struct Subscribe {
    pub rut: Rut,
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
    /// What fails together.
    pub circuito: String,
}

#[derive(Debug)]
pub enum SubscriptionRefusal {
    /// Another person has this address.
    Ajena,
}

impl Reason for SubscriptionRefusal {}

impl Write for Subscribe {
    /// Its id.
    type Out = i64;
    type Err = Refused<SubscriptionRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, Refused<SubscriptionRefusal>> {
        let (rut, ahora) = (self.rut.body(), tx.ahora.0);
        // What still waits for the person who had it before must not reach this one: it goes by the old id.
        with_conn!(tx.conn, c => sqlx::query(
            "DELETE FROM suscripciones_push WHERE endpoint = $1 AND rut <> $2 AND p256dh = $3
                AND auth = $4")
            .bind(self.endpoint.as_str()).bind(rut).bind(self.p256dh.as_str())
            .bind(self.auth.as_str()).execute(&mut **c).await.map(drop))?;
        // The phone of a shift changes hands: whoever is signed in now and has the browser's keys takes it.
        let id: Option<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "INSERT INTO suscripciones_push (rut, endpoint, p256dh, auth, circuito, creada)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (endpoint) DO UPDATE SET rut = excluded.rut, creada = excluded.creada
                WHERE suscripciones_push.p256dh = excluded.p256dh
                AND suscripciones_push.auth = excluded.auth
             RETURNING id")
            .bind(rut).bind(self.endpoint.as_str()).bind(self.p256dh.as_str())
            .bind(self.auth.as_str()).bind(self.circuito.as_str()).bind(ahora)
            .fetch_optional(&mut **c).await)?;
        let id = id.ok_or(SubscriptionRefusal::Ajena)?;
        with_conn!(tx.conn, c => sqlx::query(
            "DELETE FROM suscripciones_push WHERE rut = $1 AND id NOT IN (
                SELECT id FROM suscripciones_push WHERE rut = $1 ORDER BY creada DESC, id DESC LIMIT $2)")
            .bind(rut).bind(MAX_SUBSCRIPTIONS).execute(&mut **c).await.map(drop))?;
        Ok(id)
    }
}

/// One of theirs is forgotten.
#[derive(Debug)]
pub struct Unsubscribe {
    pub rut: Rut,
    pub id: i64,
}

impl Write for Unsubscribe {
    /// Whether they had it.
    type Out = bool;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let filas = with_conn!(tx.conn, c => sqlx::query(
            "DELETE FROM suscripciones_push WHERE id = $1 AND rut = $2")
            .bind(self.id).bind(self.rut.body())
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        Ok(filas > 0)
    }
}

const VAPID: &str = "vapid";

/// A key that this node made, unless another was first.
struct PutVapidKey(String);

impl Write for PutVapidKey {
    type Out = String;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<String, StoreError> {
        with_conn!(tx.conn, c => sqlx::query(
            "INSERT INTO claves_del_sitio (nombre, valor) VALUES ($1, $2) ON CONFLICT (nombre) DO NOTHING")
            .bind(VAPID).bind(self.0.as_str()).execute(&mut **c).await.map(drop))?;
        Ok(with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT valor FROM claves_del_sitio WHERE nombre = $1")
            .bind(VAPID).fetch_one(&mut **c).await)?)
    }
}

impl Store {
    /// The site's private key for Web Push, the same on every node; `nueva` is kept when there is none yet.
    pub async fn vapid_key(&self, nueva: String) -> Result<String, StoreError> {
        let mut lectura = self.read().await?;
        let hay: Option<String> = with_conn!(lectura.conn(), c => sqlx::query_scalar(
            "SELECT valor FROM claves_del_sitio WHERE nombre = $1")
            .bind(VAPID).fetch_optional(&mut **c).await)?;
        drop(lectura);
        match hay {
            Some(clave) => Ok(clave),
            None => self.write(PutVapidKey(nueva)).await,
        }
    }
}
