//! The catalogue changes: one row, the catalogue's version and the bitácora of settings, in one.

use serde_json::{Value, json};
use sigra_domain::{
    Rol, Rut,
    bitacora::{FieldValues, diff},
    catalogo::DEFAULT_META_HORAS,
};

use crate::{Reason, Refused, StoreError, Tx, Write, db::with_conn};

/// Something of the catalogue as it shall be; `None` leaves a value as it is, and as an id stands for one
/// that is new.
#[derive(Clone, Debug)]
pub enum CatalogoItem {
    Area {
        id: Option<i64>,
        nombre: Option<String>,
        activa: Option<bool>,
    },
    Severidad {
        id: Option<i64>,
        nombre: Option<String>,
        activa: Option<bool>,
        meta_horas: Option<i64>,
        urgente: Option<bool>,
    },
    /// Whether one is final is said when it is made: reports are counted by it.
    Estado {
        id: Option<i64>,
        nombre: Option<String>,
        es_final: bool,
    },
    /// With no roles there is no such transition.
    Transicion {
        desde: i64,
        hacia: i64,
        roles: Vec<Rol>,
    },
}

#[derive(Debug)]
pub struct CatalogoChange {
    pub elemento: CatalogoItem,
    pub actor: Rut,
}

#[derive(Debug)]
pub enum CatalogoRefusal {
    NoEncontrado,
    /// Another one has this name.
    NombreRepetido,
}

impl Reason for CatalogoRefusal {}

impl Write for CatalogoChange {
    /// Its id; of a transition, 0.
    type Out = i64;
    type Err = Refused<CatalogoRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, Refused<CatalogoRefusal>> {
        tx.lock_settings().await?;
        // Then: on PostgreSQL this row is the lock under which the catalogue changes.
        with_conn!(tx.conn, c => sqlx::query("UPDATE catalogo_version SET version = version + 1")
            .execute(&mut **c).await.map(drop))?;
        let antes = self.elemento.read(tx).await?;
        if antes.is_none() && self.elemento.must_exist() {
            return Err(CatalogoRefusal::NoEncontrado.into());
        }
        let despues = self.elemento.apply_to(antes.as_ref());
        let written = self.elemento.write(tx, &despues).await;
        let id = written.map_err(|e| match e {
            StoreError::Unico(_) => CatalogoRefusal::NombreRepetido.into(),
            other => Refused::Store(other),
        })?;
        let accion = match (&antes, despues.is_empty()) {
            (_, true) => "eliminar",
            (None, _) => "crear",
            (Some(_), _) => "editar",
        };
        let antes = antes.unwrap_or_default();
        let cambios = if despues.is_empty() {
            (antes, despues)
        } else {
            diff(&antes, &despues)
        };
        tx.record_setting_change(
            self.elemento.object_name(id),
            accion,
            Some(self.actor),
            cambios,
        )
        .await?;
        Ok(id)
    }
}

impl CatalogoItem {
    fn object_name(&self, id: i64) -> String {
        match self {
            Self::Area { .. } => format!("area:{id}"),
            Self::Severidad { .. } => format!("severidad:{id}"),
            Self::Estado { .. } => format!("estado:{id}"),
            Self::Transicion { desde, hacia, .. } => format!("transicion:{desde}-{hacia}"),
        }
    }

    /// Whether it is about one that is there.
    fn must_exist(&self) -> bool {
        match self {
            Self::Area { id, .. } | Self::Severidad { id, .. } | Self::Estado { id, .. } => {
                id.is_some()
            }
            Self::Transicion { roles, .. } => roles.is_empty(),
        }
    }

    /// The values it has now; `None` when it is not there.
    async fn read(&self, tx: &mut Tx<'_>) -> Result<Option<FieldValues>, Refused<CatalogoRefusal>> {
        let valores = match self {
            Self::Area { id: None, .. }
            | Self::Severidad { id: None, .. }
            | Self::Estado { id: None, .. } => None,
            Self::Area { id, .. } => {
                let fila: Option<(String, bool)> = with_conn!(tx.conn, c => sqlx::query_as(
                    "SELECT nombre, activa FROM areas WHERE id = $1")
                    .bind(id).fetch_optional(&mut **c).await)?;
                fila.map(|(nombre, activa)| json!({"nombre": nombre, "activa": activa}))
            }
            Self::Severidad { id, .. } => {
                let fila: Option<(String, bool, i64, bool)> = with_conn!(tx.conn, c => sqlx::query_as(
                    "SELECT nombre, activa, meta_horas, urgente FROM severidades WHERE id = $1")
                    .bind(id).fetch_optional(&mut **c).await)?;
                fila.map(|(nombre, activa, horas, urgente)| {
                    json!({"nombre": nombre, "activa": activa, "meta_horas": horas, "urgente": urgente})
                })
            }
            Self::Estado { id, .. } => {
                let fila: Option<(String, bool)> = with_conn!(tx.conn, c => sqlx::query_as(
                    "SELECT nombre, es_final FROM estados WHERE id = $1")
                    .bind(id).fetch_optional(&mut **c).await)?;
                fila.map(|(nombre, es_final)| json!({"nombre": nombre, "final": es_final}))
            }
            Self::Transicion { desde, hacia, .. } => {
                let estados: i64 = with_conn!(tx.conn, c => sqlx::query_scalar(
                    "SELECT count(*) FROM estados WHERE id IN ($1, $2)")
                    .bind(desde).bind(hacia).fetch_one(&mut **c).await)?;
                if estados != 2 {
                    return Err(CatalogoRefusal::NoEncontrado.into());
                }
                let fila: Option<String> = with_conn!(tx.conn, c => sqlx::query_scalar(
                    "SELECT roles FROM transiciones WHERE desde = $1 AND hacia = $2")
                    .bind(desde).bind(hacia).fetch_optional(&mut **c).await)?;
                fila.map(|roles| json!({"roles": roles}))
            }
        };
        Ok(valores.and_then(|v| v.as_object().cloned()))
    }

    /// The values it shall have; none when it shall not be.
    fn apply_to(&self, antes: Option<&FieldValues>) -> FieldValues {
        let o = |campo: &str, dicho: Option<Value>, normal: Value| {
            let habia = || antes.and_then(|a| a.get(campo)).cloned();
            dicho.or_else(habia).unwrap_or(normal)
        };
        let nombre = |n: &Option<String>| o("nombre", n.as_ref().map(|n| json!(n)), Value::Null);
        let activa = |a: &Option<bool>| o("activa", a.map(Value::from), json!(true));
        let valores = match self {
            Self::Area {
                nombre: n,
                activa: a,
                ..
            } => json!({"nombre": nombre(n), "activa": activa(a)}),
            Self::Severidad {
                nombre: n,
                activa: a,
                meta_horas,
                urgente,
                ..
            } => {
                let horas = o(
                    "meta_horas",
                    meta_horas.map(Value::from),
                    json!(DEFAULT_META_HORAS),
                );
                let urgente = o("urgente", urgente.map(Value::from), json!(false));
                json!({"nombre": nombre(n), "activa": activa(a), "meta_horas": horas, "urgente": urgente})
            }
            Self::Estado {
                nombre: n,
                es_final,
                ..
            } => {
                let es_final = antes.map_or(json!(es_final), |a| a["final"].clone());
                json!({"nombre": nombre(n), "final": es_final})
            }
            Self::Transicion { roles, .. } if roles.is_empty() => json!({}),
            Self::Transicion { roles, .. } => {
                let roles: Vec<&str> = roles.iter().map(|r| r.name()).collect();
                json!({"roles": roles.join(",")})
            }
        };
        valores.as_object().cloned().unwrap_or_default()
    }

    async fn write(&self, tx: &mut Tx<'_>, v: &FieldValues) -> Result<i64, StoreError> {
        let texto = |campo: &str| v.get(campo).and_then(Value::as_str).unwrap_or_default();
        let logico = |campo: &str| v.get(campo).and_then(Value::as_bool).unwrap_or_default();
        let id = match self {
            Self::Area { id, .. } => {
                let sql = insert_or_update(
                    *id,
                    "INSERT INTO areas (nombre, activa) VALUES ($2, $3) RETURNING id",
                    "UPDATE areas SET nombre = $2, activa = $3 WHERE id = $1 RETURNING id",
                );
                with_conn!(tx.conn, c => sqlx::query_scalar(sql).bind(id).bind(texto("nombre"))
                    .bind(logico("activa")).fetch_one(&mut **c).await)?
            }
            Self::Severidad { id, .. } => {
                let sql = insert_or_update(
                    *id,
                    "INSERT INTO severidades (nombre, activa, meta_horas, urgente) VALUES ($2, $3, $4, $5)
                     RETURNING id",
                    "UPDATE severidades SET nombre = $2, activa = $3, meta_horas = $4, urgente = $5 WHERE id = $1
                     RETURNING id",
                );
                let horas = v.get("meta_horas").and_then(Value::as_i64);
                with_conn!(tx.conn, c => sqlx::query_scalar(sql).bind(id).bind(texto("nombre"))
                    .bind(logico("activa")).bind(horas.unwrap_or(DEFAULT_META_HORAS)).bind(logico("urgente"))
                    .fetch_one(&mut **c).await)?
            }
            Self::Estado { id, .. } => {
                let sql = insert_or_update(
                    *id,
                    "INSERT INTO estados (nombre, es_final) VALUES ($2, $3) RETURNING id",
                    "UPDATE estados SET nombre = $2, es_final = $3 WHERE id = $1 RETURNING id",
                );
                with_conn!(tx.conn, c => sqlx::query_scalar(sql).bind(id).bind(texto("nombre"))
                    .bind(logico("final")).fetch_one(&mut **c).await)?
            }
            Self::Transicion { desde, hacia, .. } => {
                with_conn!(tx.conn, c => sqlx::query(
                    "DELETE FROM transiciones WHERE desde = $1 AND hacia = $2")
                    .bind(desde).bind(hacia).execute(&mut **c).await.map(drop))?;
                if !v.is_empty() {
                    with_conn!(tx.conn, c => sqlx::query(
                        "INSERT INTO transiciones (desde, hacia, roles) VALUES ($1, $2, $3)")
                        .bind(desde).bind(hacia).bind(texto("roles"))
                        .execute(&mut **c).await.map(drop))?;
                }
                0
            }
        };
        Ok(id)
    }
}

/// `$1` is the id of one that is there.
fn insert_or_update(id: Option<i64>, nueva: &'static str, otra: &'static str) -> &'static str {
    if id.is_some() { otra } else { nueva }
}
