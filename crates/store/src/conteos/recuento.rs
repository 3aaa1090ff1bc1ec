//! Counts all reports anew, to compare with the counts that were kept, or to put in their place.

use std::{collections::BTreeMap, sync::Arc};

use sigra_domain::{
    Fecha, Instante,
    conteo::{Contable, Conteo},
    reporte::{Decision, SyncStatus},
};
use sqlx::{Connection as _, FromRow};

use super::pliegue::CANDADO;
use crate::{
    Fallo, Store, Tx, Write,
    db::{Conn, Db, con, json},
};

/// Reports read at once.
const PAGINA: i64 = 2_000;
/// Differences told one by one.
const MAX_DISTINTAS: usize = 100;

/// What a recount found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recuento {
    pub reportes: i64,
    pub celdas: usize,
    /// How many kept counts are not what they should be, and the first of them.
    pub distintas: usize,
    pub primeras: Vec<Distinta>,
}

/// A kept count that is not what the reports lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distinta {
    pub periodo: String,
    pub que: String,
    pub area_id: i64,
    pub severidad_id: i64,
    pub valor: i64,
    pub guardada: i64,
    pub correcta: i64,
}

/// Period, what, area, severity, value.
type Clave = (String, String, i64, i64, i64);
type Cuentas = BTreeMap<Clave, i64>;

/// Is told how many reports were counted so far.
pub type Avance = Arc<dyn Fn(i64) + Send + Sync>;

impl Store {
    /// Counts all reports as they are at one moment, while others write.
    pub async fn recuenta(&self, avance: Avance) -> Result<Recuento, Fallo> {
        match &self.0.db {
            Db::Sqlite { lectores, .. } => {
                let mut c = lectores.acquire().await?;
                let mut t = c.begin().await?;
                cuenta(&mut Conn::Sqlite(&mut t), &avance, false).await
            }
            Db::Postgres(_) => self.recuenta_en_postgres(&avance, false).await,
        }
    }

    /// The same, and the right counts in the place of those that were kept. On SQLite nobody else writes
    /// meanwhile.
    pub async fn corrige_conteos(&self, avance: Avance) -> Result<Recuento, Fallo> {
        match &self.0.db {
            Db::Sqlite { .. } => self.escribir(Correccion(avance)).await,
            Db::Postgres(_) => self.recuenta_en_postgres(&avance, true).await,
        }
    }

    /// Nobody folds meanwhile: what is noted after this moment stays, and counts on top of it. The lock
    /// is the session's, since a transaction's would come after its moment.
    async fn recuenta_en_postgres(
        &self,
        avance: &Avance,
        corrige: bool,
    ) -> Result<Recuento, Fallo> {
        let Db::Postgres(pool) = &self.0.db else {
            return Err(Fallo::Interno("no es PostgreSQL"));
        };
        // Dropped in the middle it is closed, and with it its lock and transaction.
        let mut c = pool.acquire().await?.detach();
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(CANDADO)
            .execute(&mut c)
            .await?;
        let mut t = c
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ")
            .await?;
        let recuento = cuenta(&mut Conn::Postgres(&mut t), avance, corrige).await?;
        t.commit().await?;
        c.close().await?;
        Ok(recuento)
    }
}

struct Correccion(Avance);

impl Write for Correccion {
    type Out = Recuento;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Recuento, Fallo> {
        cuenta(&mut tx.conn, &self.0, true).await
    }
}

/// Month by month, so that memory holds the cells of one.
async fn cuenta(conn: &mut Conn<'_>, avance: &Avance, corrige: bool) -> Result<Recuento, Fallo> {
    let mut recuento = Recuento::default();
    let meses: Vec<String> = con!(*conn, c => sqlx::query_scalar(
        "SELECT substr(fecha_reporte, 1, 7) FROM reportes
         UNION SELECT substr(periodo, 1, 7) FROM conteos
         UNION SELECT substr(fecha, 1, 7) FROM conteos_deltas ORDER BY 1")
        .fetch_all(&mut **c).await)?;
    for mes in &meses {
        let guardadas = guardadas(conn, mes).await?;
        let correctas = correctas(conn, mes, avance, &mut recuento).await?;
        recuento.compara(&guardadas, &correctas);
        if corrige {
            escribe(conn, mes, &correctas).await?;
        }
    }
    if corrige {
        con!(*conn, c => sqlx::query("DELETE FROM conteos_deltas").execute(&mut **c).await.map(drop))?;
    }
    Ok(recuento)
}

impl Recuento {
    fn compara(&mut self, guardadas: &Cuentas, correctas: &Cuentas) {
        self.celdas += correctas.len();
        let mut todas: Vec<&Clave> = guardadas.keys().chain(correctas.keys()).collect();
        todas.sort_unstable();
        todas.dedup();
        for clave in todas {
            let de = |cuentas: &Cuentas| cuentas.get(clave).copied().unwrap_or(0);
            let (guardada, correcta) = (de(guardadas), de(correctas));
            if guardada == correcta {
                continue;
            }
            self.distintas += 1;
            if self.primeras.len() < MAX_DISTINTAS {
                let (periodo, que, area_id, severidad_id, valor) = clave.clone();
                self.primeras.push(Distinta {
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
async fn guardadas(conn: &mut Conn<'_>, mes: &str) -> Result<Cuentas, Fallo> {
    let filas: Vec<(String, String, i64, i64, i64, i64)> = con!(*conn, c => sqlx::query_as(
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
struct Fila {
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
async fn correctas(
    conn: &mut Conn<'_>,
    mes: &str,
    avance: &Avance,
    recuento: &mut Recuento,
) -> Result<Cuentas, Fallo> {
    let mut conteo = Conteo::default();
    let (mut dia, mut id) = (mes.to_owned(), 0);
    loop {
        let filas: Vec<Fila> = con!(*conn, c => sqlx::query_as(
            "SELECT id, fecha_reporte, area_id, severidad_id, estado_id, sync_status, hora_creado,
                hora_sincronizado, decidido_en, a_tiempo, retirado_en IS NOT NULL AS retirado
             FROM reportes WHERE (fecha_reporte, id) > ($1, $2) AND fecha_reporte <= $3
             ORDER BY fecha_reporte, id LIMIT $4")
            .bind(dia.as_str()).bind(id).bind(format!("{mes}-99")).bind(PAGINA)
            .fetch_all(&mut **c).await)?;
        let Some(ultima) = filas.last() else {
            break;
        };
        (dia, id) = (ultima.fecha_reporte.clone(), ultima.id);
        recuento.reportes += i64::try_from(filas.len()).unwrap_or(0);
        for fila in filas {
            conteo.suma(&fila.contable()?);
        }
        avance(recuento.reportes);
    }
    let mut cuentas = Cuentas::new();
    for (c, n) in conteo.celdas() {
        for periodo in [c.fecha.mes(), c.fecha.to_string()] {
            let que = c.que.nombre().to_owned();
            let clave = (periodo, que, c.area_id, c.severidad_id, c.valor);
            *cuentas.entry(clave).or_default() += n;
        }
    }
    Ok(cuentas)
}

impl Fila {
    fn contable(self) -> Result<Contable, Fallo> {
        let ilegible = |que: &str| Fallo::Dato(format!("reporte {}: {que}", self.id));
        let decision = self.decidido_en.zip(self.a_tiempo);
        Ok(Contable {
            fecha: Fecha::parse(&self.fecha_reporte).ok_or_else(|| ilegible("fecha_reporte"))?,
            area_id: self.area_id,
            severidad_id: self.severidad_id,
            estado_id: self.estado_id,
            sync_status: SyncStatus::de_nombre(&self.sync_status)
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
async fn escribe(conn: &mut Conn<'_>, mes: &str, cuentas: &Cuentas) -> Result<(), Fallo> {
    con!(*conn, c => sqlx::query("DELETE FROM conteos WHERE periodo BETWEEN $1 AND $2")
        .bind(mes).bind(format!("{mes}-99")).execute(&mut **c).await.map(drop))?;
    let sql = conn.elige(
        "INSERT INTO conteos (periodo, que, area_id, severidad_id, valor, n)
         SELECT value->>'$[0][0]', value->>'$[0][1]', value->>'$[0][2]', value->>'$[0][3]',
            value->>'$[0][4]', value->>'$[1]' FROM json_each($1)",
        "INSERT INTO conteos (periodo, que, area_id, severidad_id, valor, n)
         SELECT value->0->>0, value->0->>1, CAST(value->0->>2 AS BIGINT),
            CAST(value->0->>3 AS BIGINT), CAST(value->0->>4 AS BIGINT), CAST(value->>1 AS BIGINT)
         FROM json_array_elements(CAST($1 AS JSON))",
    );
    let filas: Vec<(&Clave, &i64)> = cuentas.iter().collect();
    con!(*conn, c => sqlx::query(sql).bind(json(&filas)?).execute(&mut **c).await.map(drop))?;
    Ok(())
}
