//! A file card as a row of the queue.

use sigra_store_macros::FromRow;
use sqlx::SqliteConnection;

use crate::{
    Error,
    local_reporte::{Base, HoldReason, LocalReporte},
    patch::Patch,
};

#[derive(FromRow)]
pub(crate) struct Row {
    uuid_cliente: String,
    hora_creado: String,
    fecha_reporte: Option<String>,
    base: Option<String>,
    en_vuelo: Option<String>,
    parche: Option<String>,
    aparte: Option<String>,
    aplazos: i64,
}

impl TryFrom<Row> for LocalReporte {
    type Error = Error;

    fn try_from(f: Row) -> Result<Self, Error> {
        let base = f.base.as_deref().map(serde_json::from_str::<Base>);
        let parche = f.parche.as_deref().map(serde_json::from_str::<Patch>);
        let aparte = f.aparte.as_deref().map(serde_json::from_str::<HoldReason>);
        Ok(Self {
            uuid_cliente: f.uuid_cliente,
            hora_creado: f.hora_creado,
            fecha_reporte: f.fecha_reporte,
            base: base.transpose()?,
            en_vuelo: f.en_vuelo,
            parche: parche.transpose()?.unwrap_or_default(),
            aparte: aparte.transpose()?,
            aplazos: f.aplazos,
        })
    }
}

impl LocalReporte {
    pub(crate) async fn read(c: &mut SqliteConnection, uuid: &str) -> Result<Option<Self>, Error> {
        sqlx::query_as::<_, Row>("SELECT * FROM cola WHERE uuid_cliente = $1")
            .bind(uuid)
            .fetch_optional(c)
            .await?
            .map(Self::try_from)
            .transpose()
    }

    pub(crate) async fn save(&self, c: &mut SqliteConnection) -> Result<(), Error> {
        let base = self.base.as_ref().map(serde_json::to_string).transpose()?;
        let aparte = self
            .aparte
            .as_ref()
            .map(serde_json::to_string)
            .transpose()?;
        let parche = (!self.parche.is_empty()).then(|| serde_json::to_string(&self.parche));
        sqlx::query(
            "INSERT INTO cola (uuid_cliente, hora_creado, fecha_reporte, base, en_vuelo, parche,
                aparte, aplazos)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (uuid_cliente) DO UPDATE SET base = excluded.base,
                en_vuelo = excluded.en_vuelo, parche = excluded.parche, aparte = excluded.aparte,
                aplazos = excluded.aplazos",
        )
        .bind(self.uuid_cliente.as_str())
        .bind(self.hora_creado.as_str())
        .bind(self.fecha_reporte.as_deref())
        .bind(base)
        .bind(self.en_vuelo.as_deref())
        .bind(parche.transpose()?)
        .bind(aparte)
        .bind(self.aplazos)
        .execute(c)
        .await?;
        Ok(())
    }
}
