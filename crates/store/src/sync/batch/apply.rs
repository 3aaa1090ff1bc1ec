//! A batch: many reports of one phone, judged one by one and written together.

use std::sync::Arc;

use sigra_domain::{
    Quien, Zona,
    catalogo::Catalogo,
    reporte::{FieldConflict, NewReporte},
    sync::RejectReason,
};

use super::{judge::BatchJudge, response::respond};
use crate::{
    Store, StoreError, Tx, Write,
    reportes::{
        StoredReporte,
        change::ReporteWrite,
        create::{first_version, new_reporte},
    },
    sync::devices::{self, Presence},
};

/// A valid item with all that can be made of it before the transaction.
#[derive(Debug)]
pub struct Item {
    pub(super) enviado: NewReporte,
    /// What is written when nobody has sent it before.
    pub(super) nueva: ReporteWrite,
}

impl Item {
    /// As of now.
    pub fn new(
        store: &Store,
        quien: &Quien,
        enviado: NewReporte,
        presencia: &Presence,
        zona: &Zona,
    ) -> Result<Self, StoreError> {
        let ahora = store.env().now();
        let mut r = new_reporte(quien, &enviado, zona, ahora);
        r.last_sync_attempt = Some(ahora);
        r.device_id
            .get_or_insert_with(|| presencia.device_id.clone());
        let mut nueva = first_version(store.env(), quien, r, &enviado)?;
        nueva.desfase_reloj_ms = Some(presencia.desfase_reloj_ms);
        Ok(Self { enviado, nueva })
    }
}

/// Writes a batch: one transaction for all of it.
#[derive(Debug)]
pub struct ApplyBatch {
    pub quien: Quien,
    /// The author's name, for the answers.
    pub autor: String,
    pub presencia: Presence,
    pub items: Vec<Item>,
    pub catalogo: Arc<Catalogo>,
    /// Bytes that the answer may have for reports that are not as their items say.
    pub respuesta_max: usize,
}

/// What became of an item.
#[derive(Debug)]
pub struct JudgedItem {
    pub suerte: ItemOutcome,
    /// The report as the batch leaves it; `None` when the item was refused.
    pub leido: Option<Arc<StoredReporte>>,
}

/// With the version that the item produced.
#[derive(Clone, Debug)]
pub enum ItemOutcome {
    Creado(i64),
    /// And whether the report now holds something else than what was sent.
    Duplicado(i64, bool),
    /// And whether the report holds something else than what was sent: what was left out stayed.
    Actualizado(i64, bool),
    Fusionado(i64),
    /// With the conflict's id and the fields that clash.
    Conflicto(i64, Vec<FieldConflict>),
    Rechazado(RejectReason),
}

impl Write for ApplyBatch {
    type Out = Vec<JudgedItem>;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<JudgedItem>, StoreError> {
        let mut batch_judge = BatchJudge::new(self, tx).await?;
        let mut outcomes = Vec::with_capacity(self.items.len());
        for (i, item) in self.items.iter().enumerate() {
            outcomes.push(batch_judge.judge(tx, i, item)?);
        }
        let (states, ids, slot) = batch_judge.write(tx).await?;
        devices::record(tx, self.quien.rut, &self.presencia).await?;
        respond(&self.items, states, &ids, outcomes, slot)
    }
}
