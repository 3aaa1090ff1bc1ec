//! The catalogue: read often, changed hardly ever.

use std::sync::Arc;

use sigra_domain::{
    Rol, Rut,
    bitacora::Valores,
    catalogo::{Area, Catalogo, Estado, Severidad, Transicion},
};
use sqlx::FromRow;

use crate::{DeFallo, Fallo, Lectura, Store, Tx, Write, db::con};

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
    let severidades: Vec<Fila> = con!(l.conn(), c => sqlx::query_as(
        "SELECT id, nombre, activa AS marca FROM severidades ORDER BY id")
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
            .map(|f| Severidad {
                id: f.id,
                nombre: f.nombre,
                activa: f.marca,
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

/// The part of the catalogue that a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tabla {
    Areas,
    Severidades,
}

impl Tabla {
    fn objeto(self, id: i64) -> String {
        match self {
            Self::Areas => format!("area:{id}"),
            Self::Severidades => format!("severidad:{id}"),
        }
    }

    fn elige(self, areas: &'static str, severidades: &'static str) -> &'static str {
        match self {
            Self::Areas => areas,
            Self::Severidades => severidades,
        }
    }
}

/// A new area or severity.
#[derive(Debug)]
pub struct CambioCatalogo {
    pub tabla: Tabla,
    /// `None`: a new one.
    pub id: Option<i64>,
    pub cambio: CambioElemento,
    pub actor: Rut,
}

/// The values that shall be; `None` leaves them.
#[derive(Clone, Debug, Default)]
pub struct CambioElemento {
    pub nombre: Option<String>,
    pub activa: Option<bool>,
}

#[derive(Debug)]
pub enum RechazoCatalogo {
    NoEncontrado,
    /// Another one has this name.
    NombreRepetido,
    Fallo(Fallo),
}

impl From<Fallo> for RechazoCatalogo {
    fn from(f: Fallo) -> Self {
        match f {
            Fallo::Unico(_) => Self::NombreRepetido,
            otro => Self::Fallo(otro),
        }
    }
}

impl From<sqlx::Error> for RechazoCatalogo {
    fn from(e: sqlx::Error) -> Self {
        Fallo::from(e).into()
    }
}

impl DeFallo for RechazoCatalogo {
    fn fallo(&self) -> Option<&Fallo> {
        match self {
            Self::Fallo(f) => Some(f),
            _ => None,
        }
    }
}

fn valores(nombre: &str, activa: bool) -> Valores {
    let mut v = Valores::new();
    v.insert("nombre".into(), nombre.into());
    v.insert("activa".into(), activa.into());
    v
}

impl Write for CambioCatalogo {
    /// Id, name and whether it is active.
    type Out = (i64, String, bool);
    type Err = RechazoCatalogo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Out, RechazoCatalogo> {
        tx.bloquea_ajustes().await?;
        // Then: on PostgreSQL this row is the lock under which the catalogue changes.
        con!(tx.conn, c => sqlx::query("UPDATE catalogo_version SET version = version + 1")
            .execute(&mut **c).await.map(drop))?;
        let mut antes: Option<(i64, String, bool)> = None;
        if let Some(id) = self.id {
            let sql = self.tabla.elige(
                "SELECT id, nombre, activa FROM areas WHERE id = $1",
                "SELECT id, nombre, activa FROM severidades WHERE id = $1",
            );
            let fila = con!(tx.conn, c => sqlx::query_as(sql).bind(id)
                .fetch_optional(&mut **c).await)?;
            antes = Some(fila.ok_or(RechazoCatalogo::NoEncontrado)?);
        }
        let nombre = self.cambio.nombre.clone();
        let nombre = nombre
            .or_else(|| antes.as_ref().map(|a| a.1.clone()))
            .unwrap_or_default();
        let activa = self
            .cambio
            .activa
            .unwrap_or_else(|| antes.as_ref().is_none_or(|a| a.2));
        let id = if let Some(id) = self.id {
            let sql = self.tabla.elige(
                "UPDATE areas SET nombre = $2, activa = $3 WHERE id = $1",
                "UPDATE severidades SET nombre = $2, activa = $3 WHERE id = $1",
            );
            con!(tx.conn, c => sqlx::query(sql).bind(id).bind(nombre.as_str()).bind(activa)
                .execute(&mut **c).await.map(drop))?;
            id
        } else {
            let sql = self.tabla.elige(
                "INSERT INTO areas (nombre, activa) VALUES ($1, $2) RETURNING id",
                "INSERT INTO severidades (nombre, activa) VALUES ($1, $2) RETURNING id",
            );
            con!(tx.conn, c => sqlx::query_scalar(sql).bind(nombre.as_str()).bind(activa)
                .fetch_one(&mut **c).await)?
        };
        let viejos = antes
            .as_ref()
            .map(|a| valores(&a.1, a.2))
            .unwrap_or_default();
        let accion = if antes.is_some() { "editar" } else { "crear" };
        let cambios = sigra_domain::bitacora::diferencia(&viejos, &valores(&nombre, activa));
        tx.anota_ajuste(self.tabla.objeto(id), accion, Some(self.actor), cambios)
            .await?;
        Ok((id, nombre, activa))
    }
}
