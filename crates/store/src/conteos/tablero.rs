//! The counts as the dashboard asks for them: one statement, so that all of it is of one moment.

use sigra_domain::{Fecha, Instante, conteo::Que, tiempo::periodos};
use sqlx::{AssertSqlSafe, FromRow, Row as _};

use crate::{
    Fallo, Lectura,
    db::{con, json},
};

/// Which reports are counted.
#[derive(Clone, Debug)]
pub struct Alcance {
    /// By `fecha_reporte`, both included.
    pub desde: Fecha,
    pub hasta: Fecha,
    /// `None`: all.
    pub areas: Option<Vec<i64>>,
    /// Phones that were not seen since then are silent.
    pub callados_desde: Instante,
}

/// How many there are of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figura {
    pub que: Que,
    /// 0 for durations.
    pub area_id: i64,
    pub severidad_id: i64,
    pub valor: i64,
    pub n: i64,
}

/// The report that has waited longest for a decision, by `fecha_reporte` and arrival; whenever it came: what
/// nobody decided for months is what must be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Antiguo {
    pub id: i64,
    pub hora_sincronizado: Instante,
}

/// All figures of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figuras {
    pub totales: Vec<Figura>,
    /// Day (`YYYY-MM-DD`), or month (`YYYY-MM`) where that would be more than a year of days; state;
    /// reports. Only where there are any, in order.
    pub serie: Vec<(String, i64, i64)>,
    pub mas_antiguo: Option<Antiguo>,
    /// Of all phones that somebody active uses, whoever used one last: they have no area.
    pub dispositivos_silenciosos: i64,
}

/// The longest series by days.
const MAX_DIAS: i64 = 366;

#[derive(FromRow)]
struct Fila {
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
macro_rules! sentencia {
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
const SQLITE: &str = sentencia!(
    "IN (SELECT value FROM json_each(",
    "))",
    "(SELECT value FROM json_each(",
    "))"
);
const POSTGRES: &str = sentencia!(
    "= ANY (ARRAY(SELECT json_array_elements_text(CAST(",
    " AS JSON))))",
    "(SELECT CAST(json_array_elements_text(CAST(",
    " AS JSON)) AS BIGINT))"
);

/// Binds a statement's parameters, in order.
macro_rules! con_alcance {
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

/// An [`Alcance`] as the statement asks for it.
struct Parametros {
    periodos: String,
    /// Those of the series, and how many letters of each name it.
    de_serie: String,
    largo: i32,
    areas: Option<String>,
    desde: String,
    hasta: String,
    callados_desde: i64,
}

impl Parametros {
    fn de(alcance: &Alcance) -> Result<Self, Fallo> {
        let Alcance { desde, hasta, .. } = *alcance;
        let periodos = json(&periodos(desde, hasta))?;
        let dias = desde.dias_hasta(hasta) + 1;
        let (de_serie, largo) = if dias > MAX_DIAS {
            (periodos.clone(), 7)
        } else {
            let dias = (0..i32::try_from(dias).unwrap_or(0)).map(|d| desde.mas_dias(d).to_string());
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
pub async fn plan_de_figuras(lectura: &mut Lectura, alcance: &Alcance) -> Result<String, Fallo> {
    let p = Parametros::de(alcance)?;
    let mut conn = lectura.conn();
    let explica = conn.elige("EXPLAIN QUERY PLAN ", "EXPLAIN ");
    let sql = AssertSqlSafe(format!("{explica}{}", conn.elige(SQLITE, POSTGRES)));
    let columna = conn.elige("detail", "QUERY PLAN");
    let lineas: Vec<String> = con!(conn, c => con_alcance!(sqlx::query(sql), p)
        .fetch_all(&mut **c).await?.iter().map(|r| r.get(columna)).collect());
    Ok(lineas.join("\n"))
}

/// The figures of this moment.
pub async fn figuras(lectura: &mut Lectura, alcance: &Alcance) -> Result<Figuras, Fallo> {
    let p = Parametros::de(alcance)?;
    let mut conn = lectura.conn();
    let sql = conn.elige(SQLITE, POSTGRES);
    let filas: Vec<Fila> = con!(conn, c => con_alcance!(sqlx::query_as(sql), p)
        .fetch_all(&mut **c).await)?;
    let mut figuras = Figuras::default();
    let mut antiguos: Vec<(String, i64, i64)> = vec![];
    for f in filas {
        match f.parte.as_str() {
            "total" => figuras.totales.push(Figura {
                que: Que::de_nombre(&f.clave)
                    .ok_or_else(|| Fallo::Dato(format!("conteos: {}", f.clave)))?,
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
    figuras.mas_antiguo = antiguos.into_iter().min().map(|(_, hora, id)| Antiguo {
        id,
        hora_sincronizado: Instante(hora),
    });
    Ok(figuras)
}
