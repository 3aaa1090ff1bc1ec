//! Who is behind a session: asked at every request, so those that ask at the same time share one
//! read.

use std::{collections::HashMap, time::Duration};

use sigra_domain::{Instante, Quien, Rol, Rut};
use sigra_store_macros::FromRow;

use crate::{
    ReadConn, Store, StoreError,
    batcher::Batcher,
    db::{ReadPool, json, with_conn},
};

/// Who is behind a session now.
#[derive(Clone, Debug)]
pub struct Identity {
    pub sesion_id: i64,
    pub quien: Quien,
    /// Name and first surname.
    pub nombre: String,
    pub debe_cambiar_password: bool,
    pub activo: bool,
    /// The catalogue's version at that moment.
    pub catalogo_version: i64,
}

/// How long a request waits for its answer, the wait for a connection included.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The way to the one who reads.
pub(crate) struct SessionLookup(Batcher<i64, Result<Option<Row>, StoreError>>);

impl SessionLookup {
    pub(crate) fn new(lectores: ReadPool) -> Self {
        Self(Batcher::new(move |ids| look_up(lectores.clone(), ids)))
    }

    async fn row(&self, sesion_id: i64) -> Result<Option<Row>, StoreError> {
        tokio::time::timeout(LOOKUP_TIMEOUT, self.0.submit(sesion_id))
            .await
            .map_err(|_| StoreError::NoDisponible(sqlx::Error::PoolTimedOut))?
            .unwrap_or(Err(StoreError::Interno("una lectura se interrumpió")))
    }
}

async fn look_up(lectores: ReadPool, ids: Vec<i64>) -> Vec<Result<Option<Row>, StoreError>> {
    let leidas = async { rows(&mut lectores.acquire().await?, &ids).await };
    match leidas.await {
        Ok(filas) => {
            let filas: HashMap<_, _> = filas.into_iter().map(|f| (f.sesion_id, f)).collect();
            ids.iter().map(|id| Ok(filas.get(id).cloned())).collect()
        }
        Err(failure) => {
            tracing::warn!(%failure, peticiones = ids.len(), "no se pudo leer quién pregunta");
            ids.iter().map(|_| Err(failure.for_waiter())).collect()
        }
    }
}

#[derive(Clone, FromRow)]
struct Row {
    sesion_id: i64,
    cerrada_en: Option<i64>,
    expira: i64,
    rut: i64,
    nombre: String,
    apellido_1: String,
    rol: String,
    activo: bool,
    debe_cambiar_password: bool,
    areas: Option<String>,
    catalogo_version: i64,
}

macro_rules! sql {
    ($areas:literal, $ids:literal) => {
        concat!(
            "SELECT s.id AS sesion_id, s.cerrada_en, s.expira, u.rut, u.nombre, u.apellido_1, u.rol, ",
            "u.activo, u.debe_cambiar_password, (SELECT ",
            $areas,
            " FROM usuario_areas a WHERE a.rut = u.rut) AS areas, ",
            "(SELECT version FROM catalogo_version WHERE id = 1) AS catalogo_version ",
            "FROM sesiones s JOIN usuarios u ON u.rut = s.rut WHERE s.id IN (",
            $ids,
            ")"
        )
    };
}

async fn rows(lectura: &mut ReadConn, ids: &[i64]) -> Result<Vec<Row>, StoreError> {
    let ids = json(ids)?;
    let mut conn = lectura.conn();
    let sql = conn.pick(
        sql!("group_concat(area_id)", "SELECT value FROM json_each($1)"),
        sql!(
            "string_agg(CAST(area_id AS TEXT), ',')",
            "SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON))"
        ),
    );
    Ok(with_conn!(conn, c => sqlx::query_as(sql).bind(ids).fetch_all(&mut **c).await)?)
}

impl Row {
    fn into_identity(self) -> Result<Identity, StoreError> {
        let ilegible = || StoreError::Dato(format!("usuario {}", self.rut));
        Ok(Identity {
            sesion_id: self.sesion_id,
            quien: Quien {
                rut: Rut::new(self.rut).map_err(|_| ilegible())?,
                rol: Rol::from_name(&self.rol).ok_or_else(ilegible)?,
                areas: super::usuarios::parse_areas(self.areas.as_deref()),
            },
            nombre: format!("{} {}", self.nombre, self.apellido_1),
            debe_cambiar_password: self.debe_cambiar_password,
            activo: self.activo,
            catalogo_version: self.catalogo_version,
        })
    }
}

impl Store {
    /// The person of an open session of `rut`; `None` when it is closed, over or never was.
    pub async fn identify(
        &self,
        sesion_id: i64,
        rut: Rut,
        ahora: Instante,
    ) -> Result<Option<Identity>, StoreError> {
        let fila = self.0.session_lookup.row(sesion_id).await?;
        fila.filter(|f| f.rut == rut.body() && f.cerrada_en.is_none() && f.expira > ahora.0)
            .map(Row::into_identity)
            .transpose()
    }
}
