//! People as the rules ask about them: those of a row, beside whoever makes the request.

use sigra_domain::{Quien, Rol, Rut};
use sigra_store_macros::FromRow;

use super::usuarios::parse_areas;
use crate::{StoreError, Tx, db::with_conn};

/// [`Quien`], as `quien_columns!` selects it.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct QuienRow {
    rut: i64,
    rol: String,
    areas: Option<String>,
}

/// The columns of [`QuienRow`] of a person `u`, in a statement for each database.
macro_rules! quien_columns {
    ($antes:literal, $despues:literal) => {
        quien_columns!($antes, $despues, "", "")
    };
    ($antes:literal, $despues:literal, $sqlite:literal, $postgres:literal) => {
        [
            concat!(
                $antes,
                "u.rut, u.rol, (SELECT group_concat(area_id)
                    FROM usuario_areas a WHERE a.rut = u.rut) AS areas ",
                $despues,
                $sqlite
            ),
            concat!(
                $antes,
                "u.rut, u.rol, (SELECT string_agg(CAST(area_id AS TEXT), ',')
                    FROM usuario_areas a WHERE a.rut = u.rut) AS areas ",
                $despues,
                $postgres
            ),
        ]
    };
}
pub(crate) use quien_columns;

impl QuienRow {
    pub(crate) fn into_quien(self) -> Result<Quien, StoreError> {
        let ilegible = || StoreError::Dato(format!("usuario {}", self.rut));
        Ok(Quien {
            rut: Rut::new(self.rut).map_err(|_| ilegible())?,
            rol: Rol::from_name(&self.rol).ok_or_else(ilegible)?,
            areas: parse_areas(self.areas.as_deref()),
        })
    }
}

impl Tx<'_> {
    /// A person that is active.
    pub(crate) async fn active_quien(&mut self, rut: Rut) -> Result<Option<Quien>, StoreError> {
        const SQL: [&str; 2] =
            quien_columns!("SELECT ", "FROM usuarios u WHERE u.rut = $1 AND u.activo");
        let sql = self.conn.pick(SQL[0], SQL[1]);
        let fila: Option<QuienRow> = with_conn!(self.conn, c => sqlx::query_as(sql)
            .bind(rut.body()).fetch_optional(&mut **c).await)?;
        fila.map(QuienRow::into_quien).transpose()
    }

    /// All that are active and decide somewhere, by their RUT.
    pub(crate) async fn deciders(&mut self) -> Result<Vec<Quien>, StoreError> {
        const SQL: [&str; 2] = quien_columns!(
            "SELECT ",
            "FROM usuarios u WHERE u.activo AND u.rol <> $1 ORDER BY u.rut"
        );
        let sql = self.conn.pick(SQL[0], SQL[1]);
        let filas: Vec<QuienRow> = with_conn!(self.conn, c => sqlx::query_as(sql)
            .bind(Rol::Trabajador.name()).fetch_all(&mut **c).await)?;
        filas.into_iter().map(QuienRow::into_quien).collect()
    }
}
