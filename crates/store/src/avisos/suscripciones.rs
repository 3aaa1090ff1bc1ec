//! Browsers that take messages for a person (Web Push), and the key by which they know this site.

use sigra_domain::Rut;

use crate::{DeFallo, Fallo, Store, Tx, Write, db::con};

/// A browser gives its address anew now and then; the oldest are forgotten.
const MAX_SUSCRIPCIONES: i64 = 10;

/// A browser's address and keys, as it gave them.
#[derive(Clone, Debug)]
pub struct Suscribir {
    pub rut: Rut,
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
    /// What fails together.
    pub circuito: String,
}

#[derive(Debug)]
pub enum RechazoSuscripcion {
    /// Another person has this address.
    Ajena,
    Fallo(Fallo),
}

impl From<Fallo> for RechazoSuscripcion {
    fn from(f: Fallo) -> Self {
        Self::Fallo(f)
    }
}

impl From<sqlx::Error> for RechazoSuscripcion {
    fn from(e: sqlx::Error) -> Self {
        Self::Fallo(e.into())
    }
}

impl DeFallo for RechazoSuscripcion {
    fn fallo(&self) -> Option<&Fallo> {
        match self {
            Self::Fallo(f) => Some(f),
            Self::Ajena => None,
        }
    }
}

impl Write for Suscribir {
    /// Its id.
    type Out = i64;
    type Err = RechazoSuscripcion;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, RechazoSuscripcion> {
        let (rut, ahora) = (self.rut.cuerpo(), tx.ahora.0);
        // What still waits for the person who had it before must not reach this one: it goes by the old id.
        con!(tx.conn, c => sqlx::query(
            "DELETE FROM suscripciones_push WHERE endpoint = $1 AND rut <> $2 AND p256dh = $3
                AND auth = $4")
            .bind(self.endpoint.as_str()).bind(rut).bind(self.p256dh.as_str())
            .bind(self.auth.as_str()).execute(&mut **c).await.map(drop))?;
        // The phone of a shift changes hands: whoever is signed in now and has the browser's keys takes it.
        let id: Option<i64> = con!(tx.conn, c => sqlx::query_scalar(
            "INSERT INTO suscripciones_push (rut, endpoint, p256dh, auth, circuito, creada)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (endpoint) DO UPDATE SET rut = excluded.rut, creada = excluded.creada
                WHERE suscripciones_push.p256dh = excluded.p256dh
                AND suscripciones_push.auth = excluded.auth
             RETURNING id")
            .bind(rut).bind(self.endpoint.as_str()).bind(self.p256dh.as_str())
            .bind(self.auth.as_str()).bind(self.circuito.as_str()).bind(ahora)
            .fetch_optional(&mut **c).await)?;
        let id = id.ok_or(RechazoSuscripcion::Ajena)?;
        con!(tx.conn, c => sqlx::query(
            "DELETE FROM suscripciones_push WHERE rut = $1 AND id NOT IN (
                SELECT id FROM suscripciones_push WHERE rut = $1 ORDER BY creada DESC, id DESC LIMIT $2)")
            .bind(rut).bind(MAX_SUSCRIPCIONES).execute(&mut **c).await.map(drop))?;
        Ok(id)
    }
}

/// One of theirs is forgotten.
#[derive(Debug)]
pub struct Desuscribir {
    pub rut: Rut,
    pub id: i64,
}

impl Write for Desuscribir {
    /// Whether they had it.
    type Out = bool;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Fallo> {
        let filas = con!(tx.conn, c => sqlx::query(
            "DELETE FROM suscripciones_push WHERE id = $1 AND rut = $2")
            .bind(self.id).bind(self.rut.cuerpo())
            .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        Ok(filas > 0)
    }
}

const VAPID: &str = "vapid";

/// A key that this node made, unless another was first.
struct PonerClave(String);

impl Write for PonerClave {
    type Out = String;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<String, Fallo> {
        con!(tx.conn, c => sqlx::query(
            "INSERT INTO claves_del_sitio (nombre, valor) VALUES ($1, $2) ON CONFLICT (nombre) DO NOTHING")
            .bind(VAPID).bind(self.0.as_str()).execute(&mut **c).await.map(drop))?;
        Ok(con!(tx.conn, c => sqlx::query_scalar(
            "SELECT valor FROM claves_del_sitio WHERE nombre = $1")
            .bind(VAPID).fetch_one(&mut **c).await)?)
    }
}

impl Store {
    /// The site's private key for Web Push, the same on every node; `nueva` is kept when there is none yet.
    pub async fn clave_vapid(&self, nueva: String) -> Result<String, Fallo> {
        let mut lectura = self.leer().await?;
        let hay: Option<String> = con!(lectura.conn(), c => sqlx::query_scalar(
            "SELECT valor FROM claves_del_sitio WHERE nombre = $1")
            .bind(VAPID).fetch_optional(&mut **c).await)?;
        drop(lectura);
        match hay {
            Some(clave) => Ok(clave),
            None => self.escribir(PonerClave(nueva)).await,
        }
    }
}
