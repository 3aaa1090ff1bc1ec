//! The catalogue changes: one row, the catalogue's version and the bitácora of settings, in one.

use std::future::Future;

use serde::Serialize;
use serde_json::Value;
use sigra_domain::{
    Rut,
    bitacora::{FieldValues, diff},
};

use crate::{Reason, Refused, StoreError, Tx, Write, db::with_conn};

/// Something of the catalogue as it shall be.
pub trait CatalogoItem: Send + Sync + 'static {
    /// Its values, by the names they have in the bitácora.
    type Values: Serialize + Send + Sync;

    /// As the bitácora calls it.
    fn object_name(&self, id: i64) -> String;

    /// Whether it is about one that is there.
    fn must_exist(&self) -> bool;

    /// The values it has now; `None` when it is not there.
    fn read(
        &self,
        tx: &mut Tx<'_>,
    ) -> impl Future<Output = Result<Option<Self::Values>, Refused<CatalogoRefusal>>> + Send;

    /// The values it shall have; `None` when it shall not be.
    fn apply_to(&self, before: Option<&Self::Values>) -> Option<Self::Values>;

    /// Its id; of a transition, 0.
    fn write(
        &self,
        tx: &mut Tx<'_>,
        after: Option<&Self::Values>,
    ) -> impl Future<Output = Result<i64, StoreError>> + Send;
}

#[derive(Debug)]
pub struct CatalogoChange<I> {
    pub item: I,
    pub actor: Rut,
}

#[derive(Debug)]
pub enum CatalogoRefusal {
    NoEncontrado,
    /// Another one has this name.
    NombreRepetido,
}

impl Reason for CatalogoRefusal {}

impl<I: CatalogoItem> Write for CatalogoChange<I> {
    /// As [`CatalogoItem::write`] gives it.
    type Out = i64;
    type Err = Refused<CatalogoRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, Refused<CatalogoRefusal>> {
        tx.lock_settings().await?;
        // Then: on PostgreSQL this row is the lock under which the catalogue changes.
        with_conn!(tx.conn, c => sqlx::query("UPDATE catalogo_version SET version = version + 1")
            .execute(&mut **c).await.map(drop))?;
        let before = self.item.read(tx).await?;
        if before.is_none() && self.item.must_exist() {
            return Err(CatalogoRefusal::NoEncontrado.into());
        }
        let after = self.item.apply_to(before.as_ref());
        let written = self.item.write(tx, after.as_ref()).await;
        let id = written.map_err(|e| match e {
            StoreError::Unico(_) => CatalogoRefusal::NombreRepetido.into(),
            other => Refused::Store(other),
        })?;
        let old = field_values(before.as_ref())?;
        let new = field_values(after.as_ref())?;
        let (accion, cambios) = match (before, after) {
            (_, None) => ("eliminar", (old, new)),
            (None, Some(_)) => ("crear", diff(&old, &new)),
            (Some(_), Some(_)) => ("editar", diff(&old, &new)),
        };
        let name = self.item.object_name(id);
        tx.record_setting_change(name, accion, Some(self.actor), cambios)
            .await?;
        Ok(id)
    }
}

/// As the bitácora takes them; none of what is not there.
fn field_values(values: Option<&impl Serialize>) -> Result<FieldValues, StoreError> {
    let json = values.map(serde_json::to_value).transpose();
    match json.map_err(|e| StoreError::Dato(e.to_string()))? {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Ok(FieldValues::new()),
    }
}
