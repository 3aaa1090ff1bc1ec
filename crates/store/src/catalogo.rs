//! The catalogue: read often, changed hardly ever.

mod edit;
mod items;

use std::sync::Arc;

use sigra_domain::{
    Rol,
    catalogo::{Area, Catalogo, Estado, Severidad, Transicion},
};
use sigra_store_macros::FromRow;

pub use edit::{CatalogoChange, CatalogoItem, CatalogoRefusal};
pub use items::{AreaEdit, EstadoEdit, SeveridadEdit, TransicionEdit};

use crate::{ReadConn, Store, StoreError, db::with_conn};

#[derive(FromRow)]
struct Row {
    id: i64,
    nombre: String,
    marca: bool,
}

impl Store {
    /// The catalogue of `version`, from memory when that is the one there.
    pub async fn catalogo_at(&self, version: i64) -> Result<Arc<Catalogo>, StoreError> {
        let visto = self
            .0
            .catalogo
            .read()
            .map(|c| Arc::clone(&c))
            .map_err(|_| poisoned())?;
        if visto.version == version {
            return Ok(visto);
        }
        let mut lectura = self.read().await?;
        let nuevo = Arc::new(read(&mut lectura).await?);
        *self.0.catalogo.write().map_err(|_| poisoned())? = Arc::clone(&nuevo);
        Ok(nuevo)
    }

    /// The catalogue now.
    pub async fn catalogo(&self) -> Result<Arc<Catalogo>, StoreError> {
        let mut lectura = self.read().await?;
        let version = version(&mut lectura).await?;
        drop(lectura);
        self.catalogo_at(version).await
    }
}

fn poisoned() -> StoreError {
    StoreError::Interno("el catálogo en memoria quedó inutilizable")
}

async fn version(l: &mut ReadConn) -> Result<i64, StoreError> {
    Ok(
        with_conn!(l.conn(), c => sqlx::query_scalar("SELECT version FROM catalogo_version WHERE id = 1")
        .fetch_one(&mut **c).await)?,
    )
}

/// The version is read before the tables: what is read with it is at least as new.
async fn read(l: &mut ReadConn) -> Result<Catalogo, StoreError> {
    let version = version(l).await?;
    let areas: Vec<Row> = with_conn!(l.conn(), c => sqlx::query_as(
        "SELECT id, nombre, activa AS marca FROM areas ORDER BY id").fetch_all(&mut **c).await)?;
    let severidades: Vec<(i64, String, bool, i64, bool)> = with_conn!(l.conn(), c => sqlx::query_as(
        "SELECT id, nombre, activa, meta_horas, urgente FROM severidades ORDER BY id")
        .fetch_all(&mut **c).await)?;
    let estados: Vec<Row> = with_conn!(l.conn(), c => sqlx::query_as(
        "SELECT id, nombre, es_final AS marca FROM estados ORDER BY id")
        .fetch_all(&mut **c).await)?;
    let transiciones: Vec<(i64, i64, String)> = with_conn!(l.conn(), c => sqlx::query_as(
        "SELECT desde, hacia, roles FROM transiciones ORDER BY desde, hacia")
        .fetch_all(&mut **c).await)?;
    Ok(Catalogo {
        version,
        areas: areas
            .into_iter()
            .map(|f| Area {
                id: f.id,
                nombre: f.nombre,
                activa: f.marca,
            })
            .collect(),
        severidades: severidades
            .into_iter()
            .map(|(id, nombre, activa, meta_horas, urgente)| Severidad {
                id,
                nombre,
                activa,
                meta_horas,
                urgente,
            })
            .collect(),
        estados: estados
            .into_iter()
            .map(|f| Estado {
                id: f.id,
                nombre: f.nombre,
                es_final: f.marca,
            })
            .collect(),
        transiciones: transiciones
            .into_iter()
            .map(|(desde, hacia, roles)| Transicion {
                desde,
                hacia,
                roles: roles.split(',').filter_map(Rol::from_name).collect(),
            })
            .collect(),
    })
}
