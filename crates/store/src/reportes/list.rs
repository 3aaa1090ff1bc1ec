//! The list: filters, search, orders and keyset pages.

use sigra_domain::{Fecha, Quien, reporte::SyncStatus, search::like_pattern};
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    StoredReporte,
    row::{Row, select_columns},
};
use crate::{
    ReadConn, StoreError,
    db::{Conn, with_conn},
};

/// What the list shows. An empty list of a filter means all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReporteFilter {
    pub estados: Vec<i64>,
    pub areas: Vec<i64>,
    pub severidades: Vec<i64>,
    pub ruts: Vec<i64>,
    /// Of `fecha_reporte`, both inclusive.
    pub desde: Option<Fecha>,
    pub hasta: Option<Fecha>,
    pub sync_status: Vec<SyncStatus>,
    /// Folded words, each of which must occur.
    pub terminos: Vec<String>,
}

/// Only fields that never change, so that a row keeps its place while pages are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortOrder {
    pub campo: SortField,
    pub descendente: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortField {
    HoraCreado,
    HoraSincronizado,
    FechaReporte,
    Id,
}

impl SortOrder {
    const SORT_FIELDS: [(SortField, &str); 4] = [
        (SortField::HoraCreado, "hora_creado"),
        (SortField::HoraSincronizado, "hora_sincronizado"),
        (SortField::FechaReporte, "fecha_reporte"),
        (SortField::Id, "id"),
    ];

    /// `-hora_creado`, newest first.
    pub const DEFAULT: Self = Self {
        campo: SortField::HoraCreado,
        descendente: true,
    };

    /// `campo` or `-campo`.
    pub fn from_name(nombre: &str) -> Option<Self> {
        let (descendente, nombre) = match nombre.strip_prefix('-') {
            Some(resto) => (true, resto),
            None => (false, nombre),
        };
        let (campo, _) = *Self::SORT_FIELDS.iter().find(|(_, n)| *n == nombre)?;
        Some(Self { campo, descendente })
    }

    /// All of them as a client writes them.
    pub fn all() -> impl Iterator<Item = (String, Self)> {
        Self::SORT_FIELDS.into_iter().flat_map(|(campo, n)| {
            [false, true].map(|descendente| {
                let signo = if descendente { "-" } else { "" };
                (format!("{signo}{n}"), Self { campo, descendente })
            })
        })
    }

    fn column(self) -> &'static str {
        Self::SORT_FIELDS
            .iter()
            .find(|(c, _)| *c == self.campo)
            .map_or("id", |(_, n)| n)
    }

    /// Where a row stands in this order.
    pub fn key(self, leido: &StoredReporte) -> SortKey {
        let r = &leido.reporte;
        match self.campo {
            SortField::HoraCreado => SortKey::Entero(r.hora_creado.0),
            SortField::HoraSincronizado => SortKey::Entero(r.hora_sincronizado.0),
            SortField::FechaReporte => SortKey::Texto(r.fecha_reporte.to_string()),
            SortField::Id => SortKey::Entero(r.id),
        }
    }

    /// Whether a place that came from outside can be one of this order's; the databases compare a
    /// column with a value of another type each in its own way.
    pub fn allows(self, clave: &SortKey) -> bool {
        match (self.campo, clave) {
            (SortField::FechaReporte, SortKey::Texto(t)) => Fecha::parse(t).is_some(),
            (SortField::FechaReporte, SortKey::Entero(_)) | (_, SortKey::Texto(_)) => false,
            (_, SortKey::Entero(_)) => true,
        }
    }
}

/// A value of the ordering column.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum SortKey {
    Entero(i64),
    Texto(String),
}

/// A statement under construction with its values, in the dialect both databases share.
struct ListQuery {
    sql: String,
    values: Vec<SortKey>,
}

impl ListQuery {
    fn push_bind(&mut self, v: SortKey) {
        self.values.push(v);
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
    }

    fn push_list(&mut self, antes: &str, values: impl IntoIterator<Item = SortKey>) {
        self.sql.push_str(antes);
        self.sql.push_str(" IN (");
        for (i, v) in values.into_iter().enumerate() {
            if i > 0 {
                self.sql.push_str(", ");
            }
            self.push_bind(v);
        }
        self.sql.push(')');
    }
}

/// Where the two databases' planners need to hear the same thing said differently.
struct Dialect {
    seleccion: &'static str,
    /// Before a column: SQLite is not to answer an OR out of two indexes and sort everything.
    /// Walking the order's index and stopping at the limit is what is wanted there; PostgreSQL
    /// knows how many rows there are and weighs for itself.
    camina: &'static str,
    /// SQLite can't know that a placeholder will hold what its index of the incomplete ones has.
    incompletos: &'static str,
}

fn build_query(
    dialecto: &Dialect,
    quien: &Quien,
    f: &ReporteFilter,
    orden: SortOrder,
    despues: Option<&(SortKey, i64)>,
    limite: i64,
) -> ListQuery {
    use SortKey::{Entero, Texto};
    let camina = dialecto.camina;
    let mut c = ListQuery {
        sql: dialecto.seleccion.to_owned(),
        values: Vec::new(),
    };
    c.sql.push_str("WHERE r.retirado_en IS NULL");
    if !quien.sees_all() {
        let areas = quien.supervised_areas();
        if areas.is_empty() {
            c.sql.push_str(" AND r.rut = ");
            c.push_bind(Entero(quien.rut.body()));
        } else {
            let columna = format!(" AND ({camina}r.area_id");
            c.push_list(&columna, areas.iter().map(|a| Entero(*a)));
            for parte in [" OR ", camina, "r.rut = "] {
                c.sql.push_str(parte);
            }
            c.push_bind(Entero(quien.rut.body()));
            c.sql.push(')');
        }
    }
    for (columna, ids) in [
        (" AND r.estado_id", &f.estados),
        (" AND r.area_id", &f.areas),
        (" AND r.severidad_id", &f.severidades),
        (" AND r.rut", &f.ruts),
    ] {
        if !ids.is_empty() {
            c.push_list(columna, ids.iter().map(|id| Entero(*id)));
        }
    }
    if !f.sync_status.is_empty() {
        c.push_list(
            " AND r.sync_status",
            f.sync_status.iter().map(|s| Texto(s.name().to_owned())),
        );
        if !f.sync_status.contains(&SyncStatus::Completo) {
            c.sql.push_str(dialecto.incompletos);
        }
    }
    for (condicion, fecha) in [
        (" AND r.fecha_reporte >= ", f.desde),
        (" AND r.fecha_reporte <= ", f.hasta),
    ] {
        if let Some(fecha) = fecha {
            c.sql.push_str(condicion);
            c.push_bind(Texto(fecha.to_string()));
        }
    }
    for termino in &f.terminos {
        c.sql.push_str(" AND r.busqueda LIKE ");
        c.push_bind(Texto(like_pattern(termino)));
        c.sql.push_str(r" ESCAPE '\'");
    }
    let columna = orden.column();
    let (sentido, signo) = if orden.descendente {
        ("DESC", "<")
    } else {
        ("ASC", ">")
    };
    if let Some((clave, id)) = despues {
        for parte in [" AND (r.", columna, ", r.id) ", signo, " ("] {
            c.sql.push_str(parte);
        }
        c.push_bind(clave.clone());
        c.sql.push_str(", ");
        c.push_bind(Entero(*id));
        c.sql.push(')');
    }
    for parte in [
        " ORDER BY r.",
        columna,
        " ",
        sentido,
        ", r.id ",
        sentido,
        " LIMIT ",
    ] {
        c.sql.push_str(parte);
    }
    c.push_bind(Entero(limite));
    c
}

const SELECT: [&str; 2] = select_columns!("");

fn dialect(conn: &Conn<'_>) -> Dialect {
    Dialect {
        seleccion: conn.pick(SELECT[0], SELECT[1]),
        camina: conn.pick("+", ""),
        incompletos: conn.pick(" AND r.sync_status <> 'completo'", ""),
    }
}

/// Up to `limite` reports that `quien` may see, after the given place.
pub async fn list_reportes(
    lectura: &mut ReadConn,
    quien: &Quien,
    filtro: &ReporteFilter,
    orden: SortOrder,
    despues: Option<&(SortKey, i64)>,
    limite: i64,
) -> Result<Vec<StoredReporte>, StoreError> {
    let mut conn = lectura.conn();
    let consulta = build_query(&dialect(&conn), quien, filtro, orden, despues, limite);
    let rows: Vec<Row> = with_conn!(conn, c => {
        let mut q = sqlx::query_as(AssertSqlSafe(consulta.sql));
        for v in consulta.values {
            q = match v {
                SortKey::Entero(n) => q.bind(n),
                SortKey::Texto(t) => q.bind(t),
            };
        }
        q.fetch_all(&mut **c).await
    })?;
    rows.into_iter().map(Row::decode).collect()
}

/// How the database would answer such a list, in its own words; for tests of the indexes.
pub async fn explain_list(
    lectura: &mut ReadConn,
    quien: &Quien,
    filtro: &ReporteFilter,
    orden: SortOrder,
) -> Result<String, StoreError> {
    let mut conn = lectura.conn();
    let consulta = build_query(&dialect(&conn), quien, filtro, orden, None, 50);
    let columna = conn.pick("detail", "QUERY PLAN");
    let explica = conn.pick("EXPLAIN QUERY PLAN ", "EXPLAIN ");
    let sql = format!("{explica}{}", consulta.sql);
    let lineas: Vec<String> = with_conn!(conn, c => {
        let mut q = sqlx::query(AssertSqlSafe(sql));
        for v in consulta.values {
            q = match v {
                SortKey::Entero(n) => q.bind(n),
                SortKey::Texto(t) => q.bind(t),
            };
        }
        q.fetch_all(&mut **c).await?.iter().map(|r| r.get(columna)).collect()
    });
    Ok(lineas.join("\n"))
}
