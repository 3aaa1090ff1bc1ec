//! What is due on its way out, taken by one worker at a time. A worker that dies keeps it until its time is
//! over; then another takes it, under the same id.

use std::collections::HashMap;

use sigra_domain::{
    Instante, Language,
    aviso::{Aviso, AvisoData},
    retry::CIRCUIT_FAILURE_THRESHOLD,
};
use sigra_store_macros::FromRow;

use super::recipients::resolve;
use crate::{
    StoreError, Tx, Write,
    db::{Conn, json, with_conn},
};

/// How long a worker has for what it took.
pub const LEASE: i64 = 2 * Instante::MINUTE;
/// Of what fails together, so many at once: one that hangs must not hold up the rest.
const MAX_PER_CIRCUIT: i64 = 4;
/// Circuits looked at in one go.
const MAX_CIRCUITS: i64 = 200;
/// Of what a mail holds.
const MAX_PER_EMAIL: i64 = 100;
/// Of PostgreSQL's advisory lock ("carta" in ASCII).
const LOCK_ID: i64 = 0x63_6172_7461;

/// Something that a person is told outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundMessage {
    /// The same however often it is sent.
    pub id: i64,
    pub aviso: Aviso,
    pub reporte_id: Option<i64>,
    pub datos: AvisoData,
}

/// To whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    Correo {
        email: String,
        nombre: String,
        idioma: Language,
        /// One that is urgent, or all that waited.
        mensajes: Vec<OutboundMessage>,
    },
    Push {
        suscripcion: i64,
        endpoint: String,
        p256dh: String,
        auth: String,
        idioma: Language,
        mensaje: Box<OutboundMessage>,
        urgente: bool,
    },
    Webhook {
        url: String,
        /// The newest first; all that hold now.
        secretos: Vec<String>,
        id: i64,
        cuerpo: String,
    },
}

/// Something that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Its rows.
    pub ids: Vec<i64>,
    pub circuito: String,
    /// Until when it is this worker's.
    pub plazo: Instante,
    pub destino: Recipient,
}

/// Takes up to `limite` rows that are due, and what goes with them.
#[derive(Debug)]
pub struct Claim {
    pub limite: i64,
}

#[derive(Clone, Debug, FromRow)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) canal: String,
    pub(super) destino: i64,
    pub(super) circuito: String,
    pub(super) evento: String,
    pub(super) reporte_id: Option<i64>,
    pub(super) datos: String,
    pub(super) urgente: bool,
}

/// Of each circuit, how many sendings are on their way: mails that go together are one.
const IN_FLIGHT: &str = "SELECT circuito, count(DISTINCT
        CASE WHEN canal = 'correo' AND NOT urgente THEN -destino ELSE id END)
    FROM entregas WHERE tomada IS NOT NULL AND tomada > $1 GROUP BY circuito";

/// Circuits with something pending that are not left alone, and their failures in a row. One step of the
/// index for each, however much waits.
const CIRCUITS: &str = "WITH RECURSIVE cs (circuito) AS (
        SELECT min(circuito) FROM entregas WHERE estado = 'pendiente'
        UNION ALL
        SELECT (SELECT min(e.circuito) FROM entregas e
            WHERE e.estado = 'pendiente' AND e.circuito > cs.circuito)
        FROM cs WHERE cs.circuito IS NOT NULL)
    SELECT cs.circuito, coalesce(c.fallos, 0) FROM cs LEFT JOIN circuitos c ON c.circuito = cs.circuito
    WHERE cs.circuito IS NOT NULL AND (c.circuito IS NULL OR c.abierto_hasta <= $1) LIMIT $2";

/// The first of a circuit that may go: of one report and destination none before an earlier one.
const DUE: &str = "SELECT e.id FROM entregas e
    WHERE e.estado = 'pendiente' AND e.circuito = $1 AND e.urgente = $2 AND e.proximo <= $3
        AND (e.tomada IS NULL OR e.tomada <= $3)
        AND NOT EXISTS (SELECT 1 FROM entregas a WHERE a.estado = 'pendiente' AND a.canal = e.canal
            AND a.destino = e.destino AND a.reporte_id = e.reporte_id AND a.id < e.id)
    ORDER BY e.proximo, e.id LIMIT $4";

/// What goes with a mail: all of the person that waits for no other reason than to be gathered. Not before an
/// earlier one of the same report that stays behind.
const DIGEST: &str = "SELECT e.id FROM entregas e
    WHERE e.estado = 'pendiente' AND e.canal = 'correo' AND e.destino = $1 AND NOT e.urgente
        AND (e.tomada IS NULL OR e.tomada <= $2) AND (e.intentos = 0 OR e.proximo <= $2)
        AND NOT EXISTS (SELECT 1 FROM entregas a WHERE a.estado = 'pendiente' AND a.canal = e.canal
            AND a.destino = e.destino AND a.reporte_id = e.reporte_id AND a.id < e.id
            AND (a.urgente OR a.tomada > $2 OR (a.intentos > 0 AND a.proximo > $2)))
    ORDER BY e.id LIMIT $3";

impl Write for Claim {
    type Out = Vec<Claimed>;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Claimed>, StoreError> {
        // One at a time: what another node takes at this moment must be seen.
        if let Conn::Postgres(c) = &mut tx.conn {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(LOCK_ID)
                .execute(&mut **c)
                .await?;
        }
        let ahora = tx.ahora;
        let en_curso: Vec<(String, i64)> = with_conn!(tx.conn, c => sqlx::query_as(IN_FLIGHT)
            .bind(ahora.0).fetch_all(&mut **c).await)?;
        let en_curso: HashMap<String, i64> = en_curso.into_iter().collect();
        let circuitos: Vec<(String, i64)> = with_conn!(tx.conn, c => sqlx::query_as(CIRCUITS)
            .bind(ahora.0).bind(MAX_CIRCUITS).fetch_all(&mut **c).await)?;
        let mut ids: Vec<i64> = vec![];
        let mut quedan = self.limite;
        for (circuito, fallos) in &circuitos {
            let caben = if *fallos >= CIRCUIT_FAILURE_THRESHOLD {
                1
            } else {
                MAX_PER_CIRCUIT
            };
            let mut caben = (caben - en_curso.get(circuito).copied().unwrap_or(0)).min(quedan);
            for urgente in [true, false] {
                if caben > 0 {
                    let suyas: Vec<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(DUE)
                        .bind(circuito.as_str()).bind(urgente).bind(ahora.0).bind(caben)
                        .fetch_all(&mut **c).await)?;
                    let cuantas = i64::try_from(suyas.len()).unwrap_or(caben);
                    caben -= cuantas;
                    quedan -= cuantas;
                    ids.extend(suyas);
                }
            }
        }
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let filas = claim(tx, ids).await?;
        let tomadas = resolve(tx, filas, ahora.plus(LEASE)).await?;
        // Of a destination that failed before, this is the one thing that is tried.
        let circuitos: Vec<&str> = tomadas.iter().map(|t| t.circuito.as_str()).collect();
        let sql = tx.conn.pick(
            "UPDATE circuitos SET abierto_hasta = $2 WHERE fallos >= $3
                AND circuito IN (SELECT value FROM json_each($1))",
            "UPDATE circuitos SET abierto_hasta = $2 WHERE fallos >= $3
                AND circuito IN (SELECT json_array_elements_text(CAST($1 AS JSON)))",
        );
        with_conn!(tx.conn, c => sqlx::query(sql).bind(json(&circuitos)?).bind(ahora.plus(LEASE).0)
            .bind(CIRCUIT_FAILURE_THRESHOLD).execute(&mut **c).await.map(drop))?;
        Ok(tomadas)
    }
}

/// They are this worker's, and with each mail what goes with it.
async fn claim(tx: &mut Tx<'_>, mut ids: Vec<i64>) -> Result<Vec<Row>, StoreError> {
    let sql = tx.conn.pick(
        "SELECT DISTINCT destino FROM entregas WHERE id IN (SELECT value FROM json_each($1))
            AND canal = 'correo' AND NOT urgente",
        "SELECT DISTINCT destino FROM entregas
         WHERE id IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))
            AND canal = 'correo' AND NOT urgente",
    );
    let personas: Vec<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(sql).bind(json(&ids)?)
        .fetch_all(&mut **c).await)?;
    for persona in personas {
        let suyas: Vec<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(DIGEST)
            .bind(persona).bind(tx.ahora.0).bind(MAX_PER_EMAIL).fetch_all(&mut **c).await)?;
        ids.extend(suyas);
    }
    let sql = tx.conn.pick(
        "UPDATE entregas SET tomada = $2 WHERE id IN (SELECT value FROM json_each($1))
         RETURNING id, canal, destino, circuito, evento, reporte_id, datos, urgente",
        "UPDATE entregas SET tomada = $2
         WHERE id IN (SELECT CAST(json_array_elements_text(CAST($1 AS JSON)) AS BIGINT))
            AND estado = 'pendiente'
         RETURNING id, canal, destino, circuito, evento, reporte_id, datos, urgente",
    );
    let mut filas: Vec<Row> = with_conn!(tx.conn, c => sqlx::query_as(sql)
        .bind(json(&ids)?).bind(tx.ahora.plus(LEASE).0).fetch_all(&mut **c).await)?;
    filas.sort_unstable_by_key(|f| f.id);
    Ok(filas)
}
