//! How it went: delivered, to be tried again, or given up.

use std::collections::BTreeMap;

use sigra_domain::retry::{MAX_AGE, MAX_ATTEMPTS, backoff, cooldown};

use super::claim::{Claimed, Recipient};
use crate::{
    StoreError, Tx, Write,
    db::{json, with_conn},
};

/// What is kept of a reason, in characters.
const MAX_ERROR: usize = 500;

/// What came of something that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Entregada,
    Failed {
        /// In Spanish, for whoever administers the site; no secrets.
        texto: String,
        /// It will never work as it is.
        permanente: bool,
        /// Not before, in milliseconds from now.
        reintentar_en: Option<i64>,
        /// It is about this recipient: whoever else is reached the same way is not concerned.
        solo_suyo: bool,
    },
}

/// Whatever happens to a list of rows: `$1` are their ids.
macro_rules! each_delivery {
    ($sentencia:literal) => {
        [
            concat!($sentencia, " AND id IN (SELECT value FROM json_each($1))"),
            concat!(
                $sentencia,
                " AND id IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))"
            ),
        ]
    };
}

#[derive(Debug)]
pub struct Ack {
    pub tomada: Claimed,
    pub hecho: Outcome,
}

impl Write for Ack {
    type Out = ();
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        match &self.hecho {
            Outcome::Entregada => self.mark_delivered(tx).await,
            Outcome::Failed {
                texto,
                permanente: true,
                ..
            } => {
                dead_letter(tx, &self.tomada.ids, texto).await?;
                // Whoever says no is there.
                self.close_circuit(tx).await?;
                // A browser that is gone does not come back under that name.
                if let Recipient::Push { suscripcion, .. } = &self.tomada.destino {
                    with_conn!(tx.conn, c => sqlx::query("DELETE FROM suscripciones_push WHERE id = $1")
                        .bind(suscripcion).execute(&mut **c).await.map(drop))?;
                }
                Ok(())
            }
            Outcome::Failed {
                texto,
                reintentar_en,
                solo_suyo,
                ..
            } => {
                let sigue = self
                    .reschedule(tx, texto, reintentar_en.unwrap_or(0))
                    .await?;
                match (sigue, solo_suyo) {
                    // A worker whose time is over has nothing to say: another is at it.
                    (false, _) => Ok(()),
                    (true, true) => self.close_circuit(tx).await,
                    (true, false) => self.open_circuit(tx).await,
                }
            }
        }
    }
}

impl Ack {
    /// Whoever else holds it by now: it arrived.
    async fn mark_delivered(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        const MARK_DELIVERED: [&str; 2] = each_delivery!(
            "UPDATE entregas SET estado = 'entregada', terminada = $2, tomada = NULL, error = NULL
             WHERE estado = 'pendiente'"
        );
        let sql = tx.conn.pick(MARK_DELIVERED[0], MARK_DELIVERED[1]);
        with_conn!(tx.conn, c => sqlx::query(sql).bind(json(&self.tomada.ids)?).bind(tx.ahora.0)
            .execute(&mut **c).await.map(drop))?;
        self.close_circuit(tx).await
    }

    async fn close_circuit(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        with_conn!(tx.conn, c => sqlx::query("DELETE FROM circuitos WHERE circuito = $1")
            .bind(self.tomada.circuito.as_str()).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    async fn open_circuit(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let circuito = self.tomada.circuito.as_str();
        let fallos: i64 = with_conn!(tx.conn, c => sqlx::query_scalar(
            "INSERT INTO circuitos (circuito, fallos, abierto_hasta) VALUES ($1, 1, 0)
             ON CONFLICT (circuito) DO UPDATE SET fallos = circuitos.fallos + 1 RETURNING fallos")
            .bind(circuito).fetch_one(&mut **c).await)?;
        with_conn!(tx.conn, c => sqlx::query("UPDATE circuitos SET abierto_hasta = $2 WHERE circuito = $1")
            .bind(circuito).bind(tx.ahora.plus(cooldown(fallos)).0)
            .execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Each row waits by its own tries. Whether any is still this worker's.
    async fn reschedule(
        &self,
        tx: &mut Tx<'_>,
        texto: &str,
        minimo: i64,
    ) -> Result<bool, StoreError> {
        const ATTEMPTS: [&str; 2] = each_delivery!(
            "SELECT id, intentos + 1 FROM entregas WHERE estado = 'pendiente' AND tomada = $2"
        );
        const RESCHEDULE: [&str; 2] = each_delivery!(
            "UPDATE entregas SET intentos = $2, tomada = NULL, error = $3, proximo = $4,
                terminada = CASE WHEN $2 >= $5 OR creada <= $6 THEN $7 END,
                estado = CASE WHEN $2 >= $5 OR creada <= $6 THEN 'muerta' ELSE estado END
             WHERE estado = 'pendiente'"
        );
        let sql = tx.conn.pick(ATTEMPTS[0], ATTEMPTS[1]);
        let filas: Vec<(i64, i64)> = with_conn!(tx.conn, c => sqlx::query_as(sql)
            .bind(json(&self.tomada.ids)?).bind(self.tomada.plazo.0)
            .fetch_all(&mut **c).await)?;
        let mut por_intentos: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (id, intentos) in filas {
            por_intentos.entry(intentos).or_default().push(id);
        }
        let ahora = tx.ahora;
        let sql = tx.conn.pick(RESCHEDULE[0], RESCHEDULE[1]);
        for (intentos, ids) in &por_intentos {
            let azar = u64::from_le_bytes(tx.env.random());
            let en = backoff(*intentos, azar).unwrap_or(0).max(minimo);
            with_conn!(tx.conn, c => sqlx::query(sql).bind(json(ids)?).bind(intentos).bind(truncate(texto))
                .bind(ahora.plus(en).0).bind(MAX_ATTEMPTS).bind(ahora.plus(-MAX_AGE).0).bind(ahora.0)
                .execute(&mut **c).await.map(drop))?;
        }
        Ok(!por_intentos.is_empty())
    }
}

/// They are given up; whoever administers the site sees why and can send them again.
pub(super) async fn dead_letter(
    tx: &mut Tx<'_>,
    ids: &[i64],
    texto: &str,
) -> Result<(), StoreError> {
    const DEAD_LETTER: [&str; 2] = each_delivery!(
        "UPDATE entregas SET estado = 'muerta', terminada = $2, tomada = NULL, error = $3,
            intentos = intentos + 1
         WHERE estado = 'pendiente'"
    );
    if ids.is_empty() {
        return Ok(());
    }
    let sql = tx.conn.pick(DEAD_LETTER[0], DEAD_LETTER[1]);
    with_conn!(tx.conn, c => sqlx::query(sql).bind(json(ids)?).bind(tx.ahora.0).bind(truncate(texto))
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}

fn truncate(texto: &str) -> String {
    texto.chars().take(MAX_ERROR).collect()
}
