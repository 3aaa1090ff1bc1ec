//! The catalogue: read often, changed hardly ever.

mod editar;

use std::sync::Arc;

use sigra_domain::{
    Rol,
    catalogo::{Area, Catalogo, Estado, Severidad, Transicion},
};
use sqlx::FromRow;

pub use editar::{CambioCatalogo, Elemento, RechazoCatalogo};

use crate::{Fallo, Lectura, Store, db::con};

#[derive(FromRow)]
struct Fila {
    id: i64,
    nombre: String,
    marca: bool,
}

impl Store {
    /// The catalogue of `version`, from memory when that is the one there.
    pub async fn catalogo_de(&self, version: i64) -> Result<Arc<Catalogo>, Fallo> {
        let visto = self
            .0
            .catalogo
            .read()
            .map(|c| Arc::clone(&c))
            .map_err(|_| envenenado())?;
        if visto.version == version {
            return Ok(visto);
        }
        let mut lectura = self.leer().await?;
        let nuevo = Arc::new(lee(&mut lectura).await?);
        *self.0.catalogo.write().map_err(|_| envenenado())? = Arc::clone(&nuevo);
        Ok(nuevo)
    }

    /// The catalogue now.
    pub async fn catalogo(&self) -> Result<Arc<Catalogo>, Fallo> {
        let mut lectura = self.leer().await?;
        let version = version(&mut lectura).await?;
        drop(lectura);
        self.catalogo_de(version).await
    }
}

fn envenenado() -> Fallo {
    Fallo::Interno("el catálogo en memoria quedó inutilizable")
}

async fn version(l: &mut Lectura) -> Result<i64, Fallo> {
    Ok(
        con!(l.conn(), c => sqlx::query_scalar("SELECT version FROM catalogo_version WHERE id = 1")
        .fetch_one(&mut **c).await)?,
    )
}

/// The version is read before the tables: what is read with it is at least as new.
async fn lee(l: &mut Lectura) -> Result<Catalogo, Fallo> {
    let version = version(l).await?;
    let areas: Vec<Fila> = con!(l.conn(), c => sqlx::query_as(
        "SELECT id, nombre, activa AS marca FROM areas ORDER BY id").fetch_all(&mut **c).await)?;
    let severidades: Vec<(i64, String, bool, i64, bool)> = con!(l.conn(), c => sqlx::query_as(
        "SELECT id, nombre, activa, meta_horas, urgente FROM severidades ORDER BY id")
        .fetch_all(&mut **c).await)?;
    let estados: Vec<Fila> = con!(l.conn(), c => sqlx::query_as(
        "SELECT id, nombre, es_final AS marca FROM estados ORDER BY id")
        .fetch_all(&mut **c).await)?;
    let transiciones: Vec<(i64, i64, String)> = con!(l.conn(), c => sqlx::query_as(
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
                roles: roles.split(',').filter_map(Rol::de_nombre).collect(),
            })
            .collect(),
    })
}
