//! The list: filters, search, orders and keyset pages.

use sigra_domain::{Fecha, Quien, busqueda::patron_like, reporte::SyncStatus};
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    ReporteLeido,
    fila::{Fila, seleccion},
};
use crate::{
    Fallo, Lectura,
    db::{Conn, con},
};

/// What the list shows. An empty list of a filter means all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filtro {
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
pub struct Orden {
    pub campo: CampoOrden,
    pub descendente: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CampoOrden {
    HoraCreado,
    HoraSincronizado,
    FechaReporte,
    Id,
}

impl Orden {
    const CAMPOS: [(CampoOrden, &str); 4] = [
        (CampoOrden::HoraCreado, "hora_creado"),
        (CampoOrden::HoraSincronizado, "hora_sincronizado"),
        (CampoOrden::FechaReporte, "fecha_reporte"),
        (CampoOrden::Id, "id"),
    ];

    /// `-hora_creado`, newest first.
    pub const NORMAL: Self = Self {
        campo: CampoOrden::HoraCreado,
        descendente: true,
    };

    /// `campo` or `-campo`.
    pub fn de_nombre(nombre: &str) -> Option<Self> {
        let (descendente, nombre) = match nombre.strip_prefix('-') {
            Some(resto) => (true, resto),
            None => (false, nombre),
        };
        let (campo, _) = *Self::CAMPOS.iter().find(|(_, n)| *n == nombre)?;
        Some(Self { campo, descendente })
    }

    /// All of them as a client writes them.
    pub fn todos() -> impl Iterator<Item = (String, Self)> {
        Self::CAMPOS.into_iter().flat_map(|(campo, n)| {
            [false, true].map(|descendente| {
                let signo = if descendente { "-" } else { "" };
                (format!("{signo}{n}"), Self { campo, descendente })
            })
        })
    }

    fn columna(self) -> &'static str {
        Self::CAMPOS
            .iter()
            .find(|(c, _)| *c == self.campo)
            .map_or("id", |(_, n)| n)
    }

    /// Where a row stands in this order.
    pub fn clave(self, leido: &ReporteLeido) -> ClaveOrden {
        let r = &leido.reporte;
        match self.campo {
            CampoOrden::HoraCreado => ClaveOrden::Entero(r.hora_creado.0),
            CampoOrden::HoraSincronizado => ClaveOrden::Entero(r.hora_sincronizado.0),
            CampoOrden::FechaReporte => ClaveOrden::Texto(r.fecha_reporte.to_string()),
            CampoOrden::Id => ClaveOrden::Entero(r.id),
        }
    }

    /// Whether a place that came from outside can be one of this order's; the databases compare a
    /// column with a value of another type each in its own way.
    pub fn admite(self, clave: &ClaveOrden) -> bool {
        match (self.campo, clave) {
            (CampoOrden::FechaReporte, ClaveOrden::Texto(t)) => Fecha::parse(t).is_some(),
            (CampoOrden::FechaReporte, ClaveOrden::Entero(_)) | (_, ClaveOrden::Texto(_)) => false,
            (_, ClaveOrden::Entero(_)) => true,
        }
    }
}

/// A value of the ordering column.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum ClaveOrden {
    Entero(i64),
    Texto(String),
}

/// A statement under construction with its values, in the dialect both databases share.
struct Consulta {
    sql: String,
    valores: Vec<ClaveOrden>,
}

impl Consulta {
    fn valor(&mut self, v: ClaveOrden) {
        self.valores.push(v);
        self.sql.push('$');
        self.sql.push_str(&self.valores.len().to_string());
    }

    fn entre(&mut self, antes: &str, valores: impl IntoIterator<Item = ClaveOrden>) {
        self.sql.push_str(antes);
        self.sql.push_str(" IN (");
        for (i, v) in valores.into_iter().enumerate() {
            if i > 0 {
                self.sql.push_str(", ");
            }
            self.valor(v);
        }
        self.sql.push(')');
    }
}

/// Where the two databases' planners need to hear the same thing said differently.
struct Dialecto {
    seleccion: &'static str,
    /// Before a column: SQLite is not to answer an OR out of two indexes and sort everything.
    /// Walking the order's index and stopping at the limit is what is wanted there; PostgreSQL
    /// knows how many rows there are and weighs for itself.
    camina: &'static str,
    /// SQLite can't know that a placeholder will hold what its index of the incomplete ones has.
    incompletos: &'static str,
}

fn consulta(
    dialecto: &Dialecto,
    quien: &Quien,
    f: &Filtro,
    orden: Orden,
    despues: Option<&(ClaveOrden, i64)>,
    limite: i64,
) -> Consulta {
    use ClaveOrden::{Entero, Texto};
    let camina = dialecto.camina;
    let mut c = Consulta {
        sql: dialecto.seleccion.to_owned(),
        valores: Vec::new(),
    };
    c.sql.push_str("WHERE r.retirado_en IS NULL");
    if !quien.ve_todo() {
        let areas = quien.areas_a_cargo();
        if areas.is_empty() {
            c.sql.push_str(" AND r.rut = ");
            c.valor(Entero(quien.rut.cuerpo()));
        } else {
            let columna = format!(" AND ({camina}r.area_id");
            c.entre(&columna, areas.iter().map(|a| Entero(*a)));
            for parte in [" OR ", camina, "r.rut = "] {
                c.sql.push_str(parte);
            }
            c.valor(Entero(quien.rut.cuerpo()));
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
            c.entre(columna, ids.iter().map(|id| Entero(*id)));
        }
    }
    if !f.sync_status.is_empty() {
        c.entre(
            " AND r.sync_status",
            f.sync_status.iter().map(|s| Texto(s.nombre().to_owned())),
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
            c.valor(Texto(fecha.to_string()));
        }
    }
    for termino in &f.terminos {
        c.sql.push_str(" AND r.busqueda LIKE ");
        c.valor(Texto(patron_like(termino)));
        c.sql.push_str(r" ESCAPE '\'");
    }
    let columna = orden.columna();
    let (sentido, signo) = if orden.descendente {
        ("DESC", "<")
    } else {
        ("ASC", ">")
    };
    if let Some((clave, id)) = despues {
        for parte in [" AND (r.", columna, ", r.id) ", signo, " ("] {
            c.sql.push_str(parte);
        }
        c.valor(clave.clone());
        c.sql.push_str(", ");
        c.valor(Entero(*id));
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
    c.valor(Entero(limite));
    c
}

const SELECCION: [&str; 2] = seleccion!("");

fn dialecto(conn: &Conn<'_>) -> Dialecto {
    Dialecto {
        seleccion: conn.elige(SELECCION[0], SELECCION[1]),
        camina: conn.elige("+", ""),
        incompletos: conn.elige(" AND r.sync_status <> 'completo'", ""),
    }
}

/// Up to `limite` reports that `quien` may see, after the given place.
pub async fn lista(
    lectura: &mut Lectura,
    quien: &Quien,
    filtro: &Filtro,
    orden: Orden,
    despues: Option<&(ClaveOrden, i64)>,
    limite: i64,
) -> Result<Vec<ReporteLeido>, Fallo> {
    let mut conn = lectura.conn();
    let consulta = consulta(&dialecto(&conn), quien, filtro, orden, despues, limite);
    let filas: Vec<Fila> = con!(conn, c => {
        let mut q = sqlx::query_as(AssertSqlSafe(consulta.sql));
        for v in consulta.valores {
            q = match v {
                ClaveOrden::Entero(n) => q.bind(n),
                ClaveOrden::Texto(t) => q.bind(t),
            };
        }
        q.fetch_all(&mut **c).await
    })?;
    filas.into_iter().map(Fila::leida).collect()
}

/// How the database would answer such a list, in its own words; for tests of the indexes.
pub async fn plan_de_lista(
    lectura: &mut Lectura,
    quien: &Quien,
    filtro: &Filtro,
    orden: Orden,
) -> Result<String, Fallo> {
    let mut conn = lectura.conn();
    let consulta = consulta(&dialecto(&conn), quien, filtro, orden, None, 50);
    let columna = conn.elige("detail", "QUERY PLAN");
    let explica = conn.elige("EXPLAIN QUERY PLAN ", "EXPLAIN ");
    let sql = format!("{explica}{}", consulta.sql);
    let lineas: Vec<String> = con!(conn, c => {
        let mut q = sqlx::query(AssertSqlSafe(sql));
        for v in consulta.valores {
            q = match v {
                ClaveOrden::Entero(n) => q.bind(n),
                ClaveOrden::Texto(t) => q.bind(t),
            };
        }
        q.fetch_all(&mut **c).await?.iter().map(|r| r.get(columna)).collect()
    });
    Ok(lineas.join("\n"))
}
