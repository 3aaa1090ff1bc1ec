//! What the dashboard shows, kept as counts: every change of reports says in its transaction what it adds
//! and takes away, one worker folds that into the counts, and whoever reads reads both.

mod dashboard;
mod recount;
mod rollup;

use sigra_domain::counters::Counts;

pub use dashboard::{Scope, explain_figures, figures};
pub use recount::{CountMismatch, Progress, Recount};

use crate::{
    StoreError, Tx,
    db::{json, with_conn},
};

/// Notes what the counts gain and lose by what this transaction does. Rows of its own: nobody waits for
/// another's.
pub(crate) async fn record(tx: &mut Tx<'_>, conteo: &Counts) -> Result<(), StoreError> {
    if conteo.is_empty() {
        return Ok(());
    }
    let filas: Vec<_> = conteo
        .cells()
        .map(|(c, n)| {
            let fecha = c.fecha.to_string();
            (fecha, c.que.name(), c.area_id, c.severidad_id, c.valor, n)
        })
        .collect();
    let sql = tx.conn.pick(
        "INSERT INTO conteos_deltas (fecha, que, area_id, severidad_id, valor, n)
         SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5 FROM json_each($1)",
        "INSERT INTO conteos_deltas (fecha, que, area_id, severidad_id, valor, n)
         SELECT value->>0, value->>1, CAST(value->>2 AS BIGINT), CAST(value->>3 AS BIGINT),
            CAST(value->>4 AS BIGINT), CAST(value->>5 AS BIGINT)
         FROM json_array_elements(CAST($1 AS JSON))",
    );
    with_conn!(tx.conn, c => sqlx::query(sql).bind(json(&filas)?).execute(&mut **c).await.map(drop))?;
    Ok(())
}
