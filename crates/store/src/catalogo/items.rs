//! What the catalogue is made of, each as it shall be. `None` leaves a value as it is, and as an id
//! stands for one that is new.

use serde::Serialize;
use sigra_domain::{Rol, catalogo::DEFAULT_META_HORAS};
use sigra_store_macros::FromRow;

use super::{CatalogoItem, CatalogoRefusal};
use crate::{Refused, StoreError, Tx, db::with_conn};

#[derive(Clone, Debug)]
pub struct AreaEdit {
    pub id: Option<i64>,
    pub nombre: Option<String>,
    pub activa: Option<bool>,
}

#[derive(Debug, FromRow, Serialize)]
pub struct AreaValues {
    nombre: String,
    activa: bool,
}

impl CatalogoItem for AreaEdit {
    type Values = AreaValues;

    fn object_name(&self, id: i64) -> String {
        format!("area:{id}")
    }

    fn must_exist(&self) -> bool {
        self.id.is_some()
    }

    async fn read(&self, tx: &mut Tx<'_>) -> Result<Option<AreaValues>, Refused<CatalogoRefusal>> {
        Ok(with_conn!(tx.conn, c => sqlx::query_as(
            "SELECT nombre, activa FROM areas WHERE id = $1")
            .bind(self.id).fetch_optional(&mut **c).await)?)
    }

    fn apply_to(&self, before: Option<&AreaValues>) -> Option<AreaValues> {
        Some(AreaValues {
            nombre: name_or(self.nombre.as_ref(), before.map(|b| &b.nombre)),
            activa: self.activa.or(before.map(|b| b.activa)).unwrap_or(true),
        })
    }

    async fn write(&self, tx: &mut Tx<'_>, after: Option<&AreaValues>) -> Result<i64, StoreError> {
        let Some(v) = after else { return Ok(0) };
        let sql = insert_or_update(
            self.id,
            "INSERT INTO areas (nombre, activa) VALUES ($2, $3) RETURNING id",
            "UPDATE areas SET nombre = $2, activa = $3 WHERE id = $1 RETURNING id",
        );
        Ok(with_conn!(tx.conn, c => sqlx::query_scalar(sql)
            .bind(self.id).bind(v.nombre.as_str()).bind(v.activa)
            .fetch_one(&mut **c).await)?)
    }
}

#[derive(Clone, Debug)]
pub struct SeveridadEdit {
    pub id: Option<i64>,
    pub nombre: Option<String>,
    pub activa: Option<bool>,
    pub meta_horas: Option<i64>,
    pub urgente: Option<bool>,
}

#[derive(Debug, FromRow, Serialize)]
pub struct SeveridadValues {
    nombre: String,
    activa: bool,
    meta_horas: i64,
    urgente: bool,
}

impl CatalogoItem for SeveridadEdit {
    type Values = SeveridadValues;

    fn object_name(&self, id: i64) -> String {
        format!("severidad:{id}")
    }

    fn must_exist(&self) -> bool {
        self.id.is_some()
    }

    async fn read(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<Option<SeveridadValues>, Refused<CatalogoRefusal>> {
        Ok(with_conn!(tx.conn, c => sqlx::query_as(
            "SELECT nombre, activa, meta_horas, urgente FROM severidades WHERE id = $1")
            .bind(self.id).fetch_optional(&mut **c).await)?)
    }

    fn apply_to(&self, before: Option<&SeveridadValues>) -> Option<SeveridadValues> {
        let meta_horas = self.meta_horas.or(before.map(|b| b.meta_horas));
        Some(SeveridadValues {
            nombre: name_or(self.nombre.as_ref(), before.map(|b| &b.nombre)),
            activa: self.activa.or(before.map(|b| b.activa)).unwrap_or(true),
            meta_horas: meta_horas.unwrap_or(DEFAULT_META_HORAS),
            urgente: self.urgente.or(before.map(|b| b.urgente)).unwrap_or(false),
        })
    }

    async fn write(
        &self,
        tx: &mut Tx<'_>,
        after: Option<&SeveridadValues>,
    ) -> Result<i64, StoreError> {
        let Some(v) = after else { return Ok(0) };
        let sql = insert_or_update(
            self.id,
            "INSERT INTO severidades (nombre, activa, meta_horas, urgente) VALUES ($2, $3, $4, $5)
             RETURNING id",
            "UPDATE severidades SET nombre = $2, activa = $3, meta_horas = $4, urgente = $5
             WHERE id = $1 RETURNING id",
        );
        Ok(with_conn!(tx.conn, c => sqlx::query_scalar(sql)
            .bind(self.id).bind(v.nombre.as_str()).bind(v.activa).bind(v.meta_horas).bind(v.urgente)
            .fetch_one(&mut **c).await)?)
    }
}

#[derive(Clone, Debug)]
pub struct EstadoEdit {
    pub id: Option<i64>,
    pub nombre: Option<String>,
    /// Said when it is made, and ignored after: reports are counted by it.
    pub es_final: bool,
}

#[derive(Debug, FromRow, Serialize)]
pub struct EstadoValues {
    nombre: String,
    #[serde(rename = "final")]
    es_final: bool,
}

impl CatalogoItem for EstadoEdit {
    type Values = EstadoValues;

    fn object_name(&self, id: i64) -> String {
        format!("estado:{id}")
    }

    fn must_exist(&self) -> bool {
        self.id.is_some()
    }

    async fn read(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<Option<EstadoValues>, Refused<CatalogoRefusal>> {
        Ok(with_conn!(tx.conn, c => sqlx::query_as(
            "SELECT nombre, es_final FROM estados WHERE id = $1")
            .bind(self.id).fetch_optional(&mut **c).await)?)
    }

    fn apply_to(&self, before: Option<&EstadoValues>) -> Option<EstadoValues> {
        Some(EstadoValues {
            nombre: name_or(self.nombre.as_ref(), before.map(|b| &b.nombre)),
            es_final: before.map_or(self.es_final, |b| b.es_final),
        })
    }

    async fn write(
        &self,
        tx: &mut Tx<'_>,
        after: Option<&EstadoValues>,
    ) -> Result<i64, StoreError> {
        let Some(v) = after else { return Ok(0) };
        let sql = insert_or_update(
            self.id,
            "INSERT INTO estados (nombre, es_final) VALUES ($2, $3) RETURNING id",
            "UPDATE estados SET nombre = $2, es_final = $3 WHERE id = $1 RETURNING id",
        );
        Ok(with_conn!(tx.conn, c => sqlx::query_scalar(sql)
            .bind(self.id).bind(v.nombre.as_str()).bind(v.es_final)
            .fetch_one(&mut **c).await)?)
    }
}

/// With no roles there is no such transition.
#[derive(Clone, Debug)]
pub struct TransicionEdit {
    pub desde: i64,
    pub hacia: i64,
    pub roles: Vec<Rol>,
}

#[derive(Debug, FromRow, Serialize)]
pub struct TransicionValues {
    /// Their names, with commas between them.
    roles: String,
}

impl CatalogoItem for TransicionEdit {
    type Values = TransicionValues;

    fn object_name(&self, _: i64) -> String {
        format!("transicion:{}-{}", self.desde, self.hacia)
    }

    fn must_exist(&self) -> bool {
        self.roles.is_empty()
    }

    async fn read(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<Option<TransicionValues>, Refused<CatalogoRefusal>> {
        let estados: i64 = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT count(*) FROM estados WHERE id IN ($1, $2)")
            .bind(self.desde).bind(self.hacia).fetch_one(&mut **c).await)?;
        if estados != 2 {
            return Err(CatalogoRefusal::NoEncontrado.into());
        }
        Ok(with_conn!(tx.conn, c => sqlx::query_as(
            "SELECT roles FROM transiciones WHERE desde = $1 AND hacia = $2")
            .bind(self.desde).bind(self.hacia).fetch_optional(&mut **c).await)?)
    }

    fn apply_to(&self, _: Option<&TransicionValues>) -> Option<TransicionValues> {
        let names: Vec<&str> = self.roles.iter().map(|r| r.name()).collect();
        (!names.is_empty()).then(|| TransicionValues {
            roles: names.join(","),
        })
    }

    async fn write(
        &self,
        tx: &mut Tx<'_>,
        after: Option<&TransicionValues>,
    ) -> Result<i64, StoreError> {
        with_conn!(tx.conn, c => sqlx::query(
            "DELETE FROM transiciones WHERE desde = $1 AND hacia = $2")
            .bind(self.desde).bind(self.hacia).execute(&mut **c).await.map(drop))?;
        if let Some(v) = after {
            with_conn!(tx.conn, c => sqlx::query(
                "INSERT INTO transiciones (desde, hacia, roles) VALUES ($1, $2, $3)")
                .bind(self.desde).bind(self.hacia).bind(v.roles.as_str())
                .execute(&mut **c).await.map(drop))?;
        }
        Ok(0)
    }
}

fn name_or(new: Option<&String>, before: Option<&String>) -> String {
    new.or(before).cloned().unwrap_or_default()
}

/// `$1` is the id of one that is there.
fn insert_or_update(id: Option<i64>, insert: &'static str, update: &'static str) -> &'static str {
    if id.is_some() { update } else { insert }
}
