//! The counts as the dashboard asks for them: one statement, so that all of it is of one moment.

use sigra_domain::{
    Fecha, Instante,
    counters::Metric,
    dashboard::{Figure, Figures, OldestPending},
    time::periods,
};
use sigra_store_macros::FromRow;
use sqlx::{AssertSqlSafe, Row as _};

use crate::{
    ReadConn, StoreError,
    db::{json, with_conn},
};

/// Which reports are counted.
#[derive(Clone, Debug)]
pub struct Scope {
    /// By `fecha_reporte`, both included.
    pub desde: Fecha,
    pub hasta: Fecha,
    /// `None`: all.
    pub areas: Option<Vec<i64>>,
    /// Phones that were not seen since then are silent.
    pub callados_desde: Instante,
}

/// The longest series by days.
const MAX_DAYS: i64 = 366;

#[derive(FromRow)]
struct Row {
    parte: String,
    clave: String,
    area_id: i64,
    severidad_id: i64,
    valor: i64,
    n: i64,
}

/// `$t $u`, `$i $j`: what stands around a parameter that is a JSON list of texts, of integers. On PostgreSQL
/// an array, so that it looks for each period in the index: of a list that it must unfold first it would rather
/// read all the years there are.
macro_rules! statement {
    ($t:literal, $u:literal, $i:literal, $j:literal) => {
        concat!(
            "WITH a_cargo AS (SELECT id FROM areas WHERE $3 IS NULL OR id IN ", $i, "$3", $j, "),
             nuevas AS (
                SELECT fecha, que, area_id, severidad_id, valor, n FROM conteos_deltas
                WHERE fecha BETWEEN $4 AND $5 AND area_id IN (SELECT id FROM a_cargo)
             ), celdas AS (
                SELECT que, area_id, severidad_id, valor, n FROM conteos
                WHERE periodo ", $t, "$1", $u, " AND area_id IN (SELECT id FROM a_cargo)
                UNION ALL SELECT que, area_id, severidad_id, valor, n FROM nuevas
             ), dias AS (
                SELECT periodo, valor, n FROM conteos
                WHERE periodo ", $t, "$2", $u, " AND que = 'estado'
                    AND area_id IN (SELECT id FROM a_cargo)
                UNION ALL SELECT fecha, valor, n FROM nuevas WHERE que = 'estado'
             ), antiguos AS (
                SELECT (SELECT r.id FROM reportes r WHERE r.area_id = a.id AND r.decidido_en IS NULL
                    AND r.retirado_en IS NULL AND r.fecha_reporte <= $5
                    ORDER BY r.fecha_reporte, r.hora_sincronizado, r.id LIMIT 1) AS id
                FROM a_cargo a
             )
             SELECT 'total' AS parte, que AS clave,
                CASE WHEN que IN ('demora', 'decision') THEN 0 ELSE area_id END AS area_id,
                severidad_id, valor, CAST(sum(n) AS BIGINT) AS n
             FROM celdas GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0
             UNION ALL
             SELECT 'serie', substr(periodo, 1, $6), 0, 0, valor, CAST(sum(n) AS BIGINT)
             FROM dias GROUP BY 2, 5 HAVING sum(n) <> 0
             UNION ALL
             SELECT 'antiguo', r.fecha_reporte, 0, 0, r.id, r.hora_sincronizado
             FROM antiguos x JOIN reportes r ON r.id = x.id
             UNION ALL
             SELECT 'silenciosos', '', 0, 0, 0, count(*) FROM (
                SELECT d.device_id FROM dispositivos d JOIN usuarios u ON u.rut = d.rut WHERE u.activo
                GROUP BY d.device_id HAVING max(d.last_sync) < $7) x
             ORDER BY 1, 2, 3, 4, 5, 6"
        )
    };
}
const SQLITE: &str = statement!(
    "IN (SELECT value FROM json_each(",
    "))",
    "(SELECT value FROM json_each(",
    "))"
);
const POSTGRES: &str = statement!(
    "= ANY (ARRAY(SELECT json_array_elements_text(CAST(",
    " AS JSON))))",
    "(SELECT CAST(json_array_elements_text(CAST(",
    " AS JSON)) AS BIGINT))"
);

/// Binds a statement's parameters, in order.
macro_rules! with_scope {
    ($sql:expr, $p:expr) => {
        $sql.bind(&$p.periodos)
            .bind(&$p.de_serie)
            .bind(&$p.areas)
            .bind(&$p.desde)
            .bind(&$p.hasta)
            .bind($p.largo)
            .bind($p.callados_desde)
    };
}

/// An [`Scope`] as the statement asks for it.
struct ScopeParams {
    periodos: String,
    /// Those of the series, and how many letters of each name it.
    de_serie: String,
    largo: i32,
    areas: Option<String>,
    desde: String,
    hasta: String,
    callados_desde: i64,
}

impl ScopeParams {
    fn from_scope(alcance: &Scope) -> Result<Self, StoreError> {
        let Scope { desde, hasta, .. } = *alcance;
        let periodos = json(&periods(desde, hasta))?;
        let dias = desde.days_until(hasta) + 1;
        let (de_serie, largo) = if dias > MAX_DAYS {
            (periodos.clone(), 7)
        } else {
            let dias =
                (0..i32::try_from(dias).unwrap_or(0)).map(|d| desde.plus_days(d).to_string());
            (json(&dias.collect::<Vec<_>>())?, 10)
        };
        Ok(Self {
            periodos,
            de_serie,
            largo,
            areas: alcance.areas.as_ref().map(json).transpose()?,
            desde: desde.to_string(),
            hasta: hasta.to_string(),
            callados_desde: alcance.callados_desde.0,
        })
    }
}

/// How the database means to answer, for tests.
pub async fn explain_figures(
    lectura: &mut ReadConn,
    alcance: &Scope,
) -> Result<String, StoreError> {
    let p = ScopeParams::from_scope(alcance)?;
    let mut conn = lectura.conn();
    let explica = conn.pick("EXPLAIN QUERY PLAN ", "EXPLAIN ");
    let sql = AssertSqlSafe(format!("{explica}{}", conn.pick(SQLITE, POSTGRES)));
    let columna = conn.pick("detail", "QUERY PLAN");
    let lineas: Vec<String> = with_conn!(conn, c => with_scope!(sqlx::query(sql), p)
        .fetch_all(&mut **c).await?.iter().map(|r| r.get(columna)).collect());
    Ok(lineas.join("\n"))
}

/// The figures of this moment.
pub async fn figures(lectura: &mut ReadConn, alcance: &Scope) -> Result<Figures, StoreError> {
    let p = ScopeParams::from_scope(alcance)?;
    let mut conn = lectura.conn();
    let sql = conn.pick(SQLITE, POSTGRES);
    let filas: Vec<Row> = with_conn!(conn, c => with_scope!(sqlx::query_as(sql), p)
        .fetch_all(&mut **c).await)?;
    let mut figuras = Figures::default();
    let mut antiguos: Vec<(String, i64, i64)> = vec![];
    for f in filas {
        match f.parte.as_str() {
            "total" => figuras.totales.push(Figure {
                que: Metric::from_name(&f.clave)
                    .ok_or_else(|| StoreError::Dato(format!("conteos: {}", f.clave)))?,
                area_id: f.area_id,
                severidad_id: f.severidad_id,
                valor: f.valor,
                n: f.n,
            }),
            "serie" => figuras.serie.push((f.clave, f.valor, f.n)),
            "antiguo" => antiguos.push((f.clave, f.n, f.valor)),
            _ => figuras.dispositivos_silenciosos = f.n,
        }
    }
    figuras.mas_antiguo = antiguos
        .into_iter()
        .min()
        .map(|(_, hora, id)| OldestPending {
            id,
            hora_sincronizado: Instante(hora),
        });
    Ok(figuras)
}
