//! Counts all reports anew, to compare with the counts that were kept, or to put in their place.

use std::{collections::BTreeMap, sync::Arc};

use sigra_domain::{
    Fecha, Instante,
    counters::{Countable, Counts},
    reporte::{Decision, SyncStatus},
};
use sigra_store_macros::FromRow;
use sqlx::Connection as _;

use super::rollup::LOCK_ID;
use crate::{
    Store, StoreError, Tx, Write,
    db::{Conn, Db, json, with_conn},
};

/// Reports read at once.
const PAGE_SIZE: i64 = 2_000;
/// Differences told one by one.
const MAX_DIFFERENCES: usize = 100;

/// What a recount found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recount {
    pub reportes: i64,
    pub celdas: usize,
    /// How many kept counts are not what they should be, and the first of them.
    pub distintas: usize,
    pub primeras: Vec<CountMismatch>,
}

/// A kept count that is not what the reports lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountMismatch {
    pub periodo: String,
    pub que: String,
    pub area_id: i64,
    pub severidad_id: i64,
    pub valor: i64,
    pub guardada: i64,
    pub correcta: i64,
}

/// Period, what, area, severity, value.
type CountKey = (String, String, i64, i64, i64);
type CountMap = BTreeMap<CountKey, i64>;

/// Is told how many reports were counted so far.
pub type Progress = Arc<dyn Fn(i64) + Send + Sync>;

impl Store {
    /// Counts all reports as they are at one moment, while others write.
    pub async fn recount(&self, avance: Progress) -> Result<Recount, StoreError> {
        match &self.0.db {
            Db::Sqlite { lectores, .. } => {
                let mut c = lectores.acquire().await?;
                let mut t = c.begin().await?;
                recount(&mut Conn::Sqlite(&mut t), &avance, false).await
            }
            Db::Postgres(_) => self.recount_in_postgres(&avance, false).await,
        }
    }

    /// The same, and the right counts in the place of those that were kept. On SQLite nobody else writes
    /// meanwhile.
    pub async fn repair_counts(&self, avance: Progress) -> Result<Recount, StoreError> {
        match &self.0.db {
            Db::Sqlite { .. } => self.write(CorrectCounts(avance)).await,
            Db::Postgres(_) => self.recount_in_postgres(&avance, true).await,
        }
    }

    /// Nobody folds meanwhile: what is noted after this moment stays, and counts on top of it. The lock
    /// is the session's, since a transaction's would come after its moment.
    async fn recount_in_postgres(
        &self,
        avance: &Progress,
        corrige: bool,
    ) -> Result<Recount, StoreError> {
        let Db::Postgres(pool) = &self.0.db else {
            return Err(StoreError::Interno("no es PostgreSQL"));
        };
        // Dropped in the middle it is closed, and with it its lock and transaction.
        let mut c = pool.acquire().await?.detach();
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(LOCK_ID)
            .execute(&mut c)
            .await?;
        let mut t = c
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ")
            .await?;
        let recuento = recount(&mut Conn::Postgres(&mut t), avance, corrige).await?;
        t.commit().await?;
        c.close().await?;
        Ok(recuento)
    }
}

struct CorrectCounts(Progress);

impl Write for CorrectCounts {
    type Out = Recount;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Recount, StoreError> {
        recount(&mut tx.conn, &self.0, true).await
    }
}

/// Month by month, so that memory holds the cells of one.
async fn recount(
    conn: &mut Conn<'_>,
    avance: &Progress,
    corrige: bool,
) -> Result<Recount, StoreError> {
    let mut recuento = Recount::default();
    let meses: Vec<String> = with_conn!(*conn, c => sqlx::query_scalar(
        "SELECT substr(fecha_reporte, 1, 7) FROM reportes
         UNION SELECT substr(periodo, 1, 7) FROM conteos
         UNION SELECT substr(fecha, 1, 7) FROM conteos_deltas ORDER BY 1")
        .fetch_all(&mut **c).await)?;
    for mes in &meses {
        let guardadas = stored(conn, mes).await?;
        let correctas = recompute(conn, mes, avance, &mut recuento).await?;
        recuento.compare(&guardadas, &correctas);
        if corrige {
            write(conn, mes, &correctas).await?;
        }
    }
    if corrige {
        with_conn!(*conn, c => sqlx::query("DELETE FROM conteos_deltas").execute(&mut **c).await.map(drop))?;
    }
    Ok(recuento)
}

impl Recount {
    fn compare(&mut self, guardadas: &CountMap, correctas: &CountMap) {
        self.celdas += correctas.len();
        let mut todas: Vec<&CountKey> = guardadas.keys().chain(correctas.keys()).collect();
        todas.sort_unstable();
        todas.dedup();
        for clave in todas {
            let de = |cuentas: &CountMap| cuentas.get(clave).copied().unwrap_or(0);
            let (guardada, correcta) = (de(guardadas), de(correctas));
            if guardada == correcta {
                continue;
            }
            self.distintas += 1;
            if self.primeras.len() < MAX_DIFFERENCES {
                let (periodo, que, area_id, severidad_id, valor) = clave.clone();
                self.primeras.push(CountMismatch {
                    periodo,
                    que,
                    area_id,
                    severidad_id,
                    valor,
                    guardada,
                    correcta,
                });
            }
        }
    }
}

/// The kept counts of a month and its days, with what is not folded in yet.
async fn stored(conn: &mut Conn<'_>, mes: &str) -> Result<CountMap, StoreError> {
    let filas: Vec<(String, String, i64, i64, i64, i64)> = with_conn!(*conn, c => sqlx::query_as(
        "SELECT periodo, que, area_id, severidad_id, valor, CAST(sum(n) AS BIGINT) FROM (
            SELECT periodo, que, area_id, severidad_id, valor, n FROM conteos
            WHERE periodo BETWEEN $1 AND $2
            UNION ALL SELECT fecha, que, area_id, severidad_id, valor, n FROM conteos_deltas
            WHERE fecha BETWEEN $1 AND $2
            UNION ALL SELECT substr(fecha, 1, 7), que, area_id, severidad_id, valor, n
            FROM conteos_deltas WHERE fecha BETWEEN $1 AND $2
         ) x GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0")
        .bind(mes).bind(format!("{mes}-99")).fetch_all(&mut **c).await)?;
    let cuentas = filas.into_iter();
    Ok(cuentas
        .map(|(periodo, que, area, severidad, valor, n)| {
            ((periodo, que, area, severidad, valor), n)
        })
        .collect())
}

#[derive(FromRow)]
struct Row {
    id: i64,
    fecha_reporte: String,
    area_id: i64,
    severidad_id: i64,
    estado_id: i64,
    sync_status: String,
    hora_creado: i64,
    hora_sincronizado: i64,
    decidido_en: Option<i64>,
    a_tiempo: Option<bool>,
    retirado: bool,
}

/// What the reports of a month lead to.
async fn recompute(
    conn: &mut Conn<'_>,
    mes: &str,
    avance: &Progress,
    recuento: &mut Recount,
) -> Result<CountMap, StoreError> {
    let mut conteo = Counts::default();
    let (mut dia, mut id) = (mes.to_owned(), 0);
    loop {
        let filas: Vec<Row> = with_conn!(*conn, c => sqlx::query_as(
            "SELECT id, fecha_reporte, area_id, severidad_id, estado_id, sync_status, hora_creado,
                hora_sincronizado, decidido_en, a_tiempo, retirado_en IS NOT NULL AS retirado
             FROM reportes WHERE (fecha_reporte, id) > ($1, $2) AND fecha_reporte <= $3
             ORDER BY fecha_reporte, id LIMIT $4")
            .bind(dia.as_str()).bind(id).bind(format!("{mes}-99")).bind(PAGE_SIZE)
            .fetch_all(&mut **c).await)?;
        let Some(ultima) = filas.last() else {
            break;
        };
        (dia, id) = (ultima.fecha_reporte.clone(), ultima.id);
        recuento.reportes += i64::try_from(filas.len()).unwrap_or(0);
        for fila in filas {
            conteo.increment(&fila.into_countable()?);
        }
        avance(recuento.reportes);
    }
    let mut cuentas = CountMap::new();
    for (c, n) in conteo.cells() {
        for periodo in [c.fecha.month(), c.fecha.to_string()] {
            let que = c.que.name().to_owned();
            let clave = (periodo, que, c.area_id, c.severidad_id, c.valor);
            *cuentas.entry(clave).or_default() += n;
        }
    }
    Ok(cuentas)
}

impl Row {
    fn into_countable(self) -> Result<Countable, StoreError> {
        let ilegible = |que: &str| StoreError::Dato(format!("reporte {}: {que}", self.id));
        let decision = self.decidido_en.zip(self.a_tiempo);
        Ok(Countable {
            fecha: Fecha::parse(&self.fecha_reporte).ok_or_else(|| ilegible("fecha_reporte"))?,
            area_id: self.area_id,
            severidad_id: self.severidad_id,
            estado_id: self.estado_id,
            sync_status: SyncStatus::from_name(&self.sync_status)
                .ok_or_else(|| ilegible("sync_status"))?,
            hora_creado: Instante(self.hora_creado),
            hora_sincronizado: Instante(self.hora_sincronizado),
            decision: decision.map(|(en, a_tiempo)| Decision {
                en: Instante(en),
                a_tiempo,
            }),
            retirado: self.retirado,
        })
    }
}

/// Puts the right counts in the place of those of a month.
async fn write(conn: &mut Conn<'_>, mes: &str, cuentas: &CountMap) -> Result<(), StoreError> {
    with_conn!(*conn, c => sqlx::query("DELETE FROM conteos WHERE periodo BETWEEN $1 AND $2")
        .bind(mes).bind(format!("{mes}-99")).execute(&mut **c).await.map(drop))?;
    let sql = conn.pick(
        "INSERT INTO conteos (periodo, que, area_id, severidad_id, valor, n)
         SELECT value->>'$[0][0]', value->>'$[0][1]', value->>'$[0][2]', value->>'$[0][3]',
            value->>'$[0][4]', value->>'$[1]' FROM json_each($1)",
        "INSERT INTO conteos (periodo, que, area_id, severidad_id, valor, n)
         SELECT value->0->>0, value->0->>1, CAST(value->0->>2 AS BIGINT),
            CAST(value->0->>3 AS BIGINT), CAST(value->0->>4 AS BIGINT), CAST(value->>1 AS BIGINT)
         FROM json_array_elements(CAST($1 AS JSON))",
    );
    let filas: Vec<(&CountKey, &i64)> = cuentas.iter().collect();
    with_conn!(*conn, c => sqlx::query(sql).bind(json(&filas)?).execute(&mut **c).await.map(drop))?;
    Ok(())
}
