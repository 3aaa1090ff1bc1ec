//! Folds what was noted into the counts.

use crate::{
    Store, StoreError, Tx, Write,
    db::{Conn, json, with_conn},
};

/// Notes folded in one transaction: on SQLite everybody who writes waits for it.
const CHUNK: i64 = 2_000;

struct RollUp;

impl Store {
    /// Folds all that was noted until now. What is not folded yet is counted by whoever reads; so this is
    /// for their speed, and it may fail or be late.
    pub async fn roll_up_counts(&self) -> Result<(), StoreError> {
        let mut lectura = self.read().await?;
        let hay: Option<i64> = with_conn!(lectura.conn(), c => sqlx::query_scalar(
            "SELECT id FROM conteos_deltas ORDER BY id LIMIT 1").fetch_optional(&mut **c).await)?;
        drop(lectura);
        if hay.is_none() {
            return Ok(());
        }
        while self.write(RollUp).await? == CHUNK {}
        Ok(())
    }
}

/// Of PostgreSQL's advisory lock ("conteo" in ASCII): one folds at a time, since two that add to the same
/// rows in another order would wait for each other, and nobody folds while it is all counted anew. Who
/// does not get it comes again later.
pub(super) const LOCK_ID: i64 = 0x636f_6e74_656f;

impl Write for RollUp {
    /// How many were folded.
    type Out = i64;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, StoreError> {
        if let Conn::Postgres(c) = &mut tx.conn {
            let libre: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
                .bind(LOCK_ID)
                .fetch_one(&mut **c)
                .await?;
            if !libre {
                return Ok(0);
            }
        }
        // By their ids: others commit theirs while this runs.
        let ids: Vec<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT id FROM conteos_deltas ORDER BY id LIMIT $1")
            .bind(CHUNK).fetch_all(&mut **c).await)?;
        let lista = json(&ids)?;
        let sql = tx.conn.pick(
            "INSERT INTO conteos (periodo, que, area_id, severidad_id, valor, n)
             SELECT substr(d.fecha, 1, l.largo), d.que, d.area_id, d.severidad_id, d.valor, sum(d.n)
             FROM conteos_deltas d JOIN (SELECT 7 AS largo UNION ALL SELECT 10) l
             WHERE d.id IN (SELECT value FROM json_each($1))
             GROUP BY 1, 2, 3, 4, 5 HAVING sum(d.n) <> 0
             ON CONFLICT (periodo, que, area_id, severidad_id, valor)
             DO UPDATE SET n = conteos.n + excluded.n",
            "INSERT INTO conteos (periodo, que, area_id, severidad_id, valor, n)
             SELECT substr(d.fecha, 1, l.largo), d.que, d.area_id, d.severidad_id, d.valor, sum(d.n)
             FROM conteos_deltas d CROSS JOIN (SELECT 7 AS largo UNION ALL SELECT 10) l
             WHERE d.id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))
             GROUP BY 1, 2, 3, 4, 5 HAVING sum(d.n) <> 0
             ON CONFLICT (periodo, que, area_id, severidad_id, valor)
             DO UPDATE SET n = conteos.n + excluded.n",
        );
        with_conn!(tx.conn, c => sqlx::query(sql).bind(lista.as_str()).execute(&mut **c).await.map(drop))?;
        let sql = tx.conn.pick(
            "DELETE FROM conteos_deltas WHERE id IN (SELECT value FROM json_each($1))",
            "DELETE FROM conteos_deltas
             WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))",
        );
        with_conn!(tx.conn, c => sqlx::query(sql).bind(lista.as_str()).execute(&mut **c).await.map(drop))?;
        Ok(i64::try_from(ids.len()).unwrap_or(CHUNK))
    }
}
