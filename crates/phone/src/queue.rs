//! The queue (*cola*): own reports on disk, and what their owner does with them.

use serde_json::Value;
use sigra_domain::{
    Fecha,
    reporte::{Contenido, parse_uuid_cliente},
};
use sqlx::SqliteConnection;
use uuid::Builder;

use crate::{
    Error, Phone, Problema,
    db::NamedValue,
    local_reporte::{HoldReason, LocalReporte},
    patch::Patch,
    reporte::Reporte,
    row::Row,
};

/// A report to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub contenido: Contenido,
    /// The day it happened; without it the server takes that of the phone's clock.
    pub fecha_reporte: Option<Fecha>,
    /// v4 or v7; without it the phone makes one.
    pub uuid_cliente: Option<String>,
}

impl From<Contenido> for Draft {
    fn from(contenido: Contenido) -> Self {
        Self {
            contenido,
            fecha_reporte: None,
            uuid_cliente: None,
        }
    }
}

/// Where a report of the queue stands.
#[derive(Clone, Debug, PartialEq)]
pub enum QueueState {
    /// Something waits to be sent or answered.
    Pendiente,
    /// The server has all that the owner wrote.
    Entregado,
    /// Both sides changed it: [`Phone::conflictos`].
    EnConflicto,
    /// The server refused it for good; the owner edits it, which queues it again.
    Rechazado(Problema),
}

/// A report of the queue as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedReporte {
    pub uuid_cliente: String,
    /// The server's; `None` before the first acknowledgement.
    pub id: Option<i64>,
    /// As last known; `None` before the first acknowledgement.
    pub version: Option<i64>,
    /// With every edit, sent or not.
    pub contenido: Contenido,
    pub estado: QueueState,
}

impl TryFrom<LocalReporte> for QueuedReporte {
    type Error = Error;

    fn try_from(f: LocalReporte) -> Result<Self, Error> {
        Ok(Self {
            contenido: f.a_la_vista()?,
            id: f.base.as_ref().map(|b| b.id),
            version: f.base.as_ref().map(|b| b.version),
            estado: match f.aparte {
                Some(HoldReason::Conflicto(_)) => QueueState::EnConflicto,
                Some(HoldReason::Rechazado(problema)) => QueueState::Rechazado(problema),
                None if f.is_pending() => QueueState::Pendiente,
                None => QueueState::Entregado,
            },
            uuid_cliente: f.uuid_cliente,
        })
    }
}

impl LocalReporte {
    /// A report that this person wrote on another phone.
    fn adopt(reporte: &Reporte) -> Self {
        Self {
            uuid_cliente: reporte.uuid_cliente.clone(),
            hora_creado: reporte.hora_creado.clone(),
            fecha_reporte: Some(reporte.fecha_reporte.clone()),
            base: Some(reporte.into()),
            en_vuelo: None,
            parche: Patch::default(),
            aparte: None,
            aplazos: 0,
        }
    }
}

impl Phone {
    /// Writes a report; it is on disk when this returns, and goes with the next push.
    ///
    /// Returns its uuid, in lower case. [`Error::Uuid`] or [`Error::YaExiste`] for a given one that
    /// can't be taken.
    pub async fn create(&mut self, borrador: impl Into<Draft> + Send) -> Result<String, Error> {
        let mut tx = self.db.begin().await?;
        let uuid = self.create_in(&mut tx, borrador.into()).await?;
        tx.commit().await?;
        Ok(uuid)
    }

    pub(crate) async fn create_in(
        &mut self,
        c: &mut SqliteConnection,
        borrador: Draft,
    ) -> Result<String, Error> {
        let uuid_cliente = match borrador.uuid_cliente {
            Some(text) => parse_uuid_cliente(&text).map_err(|_| Error::Uuid(text))?,
            None => self.uuid(),
        };
        let local = LocalReporte {
            uuid_cliente: uuid_cliente.clone(),
            hora_creado: self.now().to_string(),
            fecha_reporte: borrador.fecha_reporte.map(|f| f.to_string()),
            base: None,
            en_vuelo: None,
            parche: Patch::from_contenido(&borrador.contenido),
            aparte: None,
            aplazos: 0,
        };
        if LocalReporte::read(c, &uuid_cliente).await?.is_some() {
            return Err(Error::YaExiste(uuid_cliente));
        }
        local.save(c).await?;
        Ok(uuid_cliente)
    }

    /// Edits a report of the queue, or one that this person wrote on another phone and a pull
    /// brought. An edit of a refused report queues it again, an empty one as it is.
    ///
    /// [`Error::NoExiste`] for a uuid that the phone does not have.
    pub async fn edit(&mut self, uuid: &str, parche: Patch) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let mut local = match LocalReporte::read(&mut tx, uuid).await? {
            Some(local) => local,
            None => Reporte::find_seen(&mut tx, uuid)
                .await?
                .map(|r| LocalReporte::adopt(&r))
                .ok_or_else(|| Error::NoExiste(uuid.to_owned()))?,
        };
        local.edit(parche);
        local.save(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Own reports in the order they were made.
    pub async fn own_reportes(&self) -> Result<Vec<QueuedReporte>, Error> {
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM cola ORDER BY n")
            .fetch_all(&self.db)
            .await?;
        rows.into_iter()
            .map(|f| LocalReporte::try_from(f)?.try_into())
            .collect()
    }

    /// One own report; `None` for a uuid that is not in the queue.
    pub async fn own_reporte(&self, uuid: &str) -> Result<Option<QueuedReporte>, Error> {
        let mut c = self.db.acquire().await?;
        let local = LocalReporte::read(&mut c, uuid).await?;
        local.map(QueuedReporte::try_from).transpose()
    }

    /// How many reports wait to be sent or answered; conflicts and refused ones do not count.
    pub async fn pending_count(&self) -> Result<u64, Error> {
        let n: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM cola
             WHERE aparte IS NULL AND (en_vuelo IS NOT NULL OR parche IS NOT NULL)",
        )
        .fetch_one(&self.db)
        .await?;
        Ok(u64::try_from(n).unwrap_or_default())
    }

    /// The catalogue as last pulled (`/catalogos`); `None` before that.
    pub async fn catalogos(&self) -> Result<Option<Value>, Error> {
        let mut c = self.db.acquire().await?;
        let json = NamedValue::Catalogos.read(&mut c).await?;
        Ok(json.map(|j| serde_json::from_str(&j)).transpose()?)
    }

    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = ((self.settings.azar)(), (self.settings.azar)());
        let bytes = (u128::from(a) << 64 | u128::from(b)).to_be_bytes();
        Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Draft, Error,
        test_support::{Fixture, sample_contenido},
    };

    #[tokio::test]
    async fn uuids_are_v4_and_each_its_own_and_given_ones_are_checked() {
        let mut e = Fixture::new().await;
        let (uno, dos) = (
            e.telefono.create(sample_contenido()).await.unwrap(),
            e.telefono.create(sample_contenido()).await.unwrap(),
        );
        assert_ne!(uno, dos);
        assert_eq!(&uno[14..15], "4");
        let con = |uuid: &str| Draft {
            uuid_cliente: Some(uuid.to_owned()),
            ..sample_contenido().into()
        };
        let repetido = e.telefono.create(con(&uno.to_uppercase())).await;
        assert!(matches!(repetido, Err(Error::YaExiste(u)) if u == uno));
        let malo = e.telefono.create(con("hola")).await;
        assert!(matches!(malo, Err(Error::Uuid(_))));
        assert_eq!(e.telefono.own_reportes().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn the_ledger_refuses_changes() {
        let mut e = Fixture::new().await;
        e.acked_reporte(1).await;
        for sql in ["DELETE FROM libro", "UPDATE libro SET id = 2"] {
            assert!(sqlx::query(sql).execute(&e.telefono.db).await.is_err());
        }
    }
}
