//! A batch: many reports of one phone, judged one by one and written together.

use std::sync::Arc;

use sigra_domain::{
    Quien, Zona,
    catalogo::Catalogo,
    reporte::{Choque, ReporteNuevo},
    sync::Motivo,
};

use super::{
    dispositivos::{self, Presencia},
    mesa::Mesa,
    respuesta::responde,
};
use crate::{
    Fallo, Store, Tx, Write,
    reportes::{
        ReporteLeido,
        crear::{primera, reporte},
        lote::Escritura,
    },
};

/// A valid item with all that can be made of it before the transaction.
#[derive(Debug)]
pub struct Recibido {
    pub(super) enviado: ReporteNuevo,
    /// What is written when nobody has sent it before.
    pub(super) nueva: Escritura,
}

impl Recibido {
    /// As of now.
    pub fn nuevo(
        store: &Store,
        quien: &Quien,
        enviado: ReporteNuevo,
        presencia: &Presencia,
        zona: &Zona,
    ) -> Result<Self, Fallo> {
        let ahora = store.entorno().ahora();
        let mut r = reporte(quien, &enviado, zona, ahora);
        r.last_sync_attempt = Some(ahora);
        r.device_id
            .get_or_insert_with(|| presencia.device_id.clone());
        let mut nueva = primera(store.entorno(), quien, r, &enviado)?;
        nueva.desfase_reloj_ms = Some(presencia.desfase_reloj_ms);
        Ok(Self { enviado, nueva })
    }
}

/// Writes a batch: one transaction for all of it.
#[derive(Debug)]
pub struct RecibirLote {
    pub quien: Quien,
    /// The author's name, for the answers.
    pub autor: String,
    pub presencia: Presencia,
    pub items: Vec<Recibido>,
    pub catalogo: Arc<Catalogo>,
    /// Bytes that the answer may have for reports that are not as their items say.
    pub respuesta_max: usize,
}

/// What became of an item.
#[derive(Debug)]
pub struct Juzgado {
    pub suerte: Suerte,
    /// The report as the batch leaves it; `None` when the item was refused.
    pub leido: Option<Arc<ReporteLeido>>,
}

/// With the version that the item produced.
#[derive(Clone, Debug)]
pub enum Suerte {
    Creado(i64),
    /// And whether the report now holds something else than what was sent.
    Duplicado(i64, bool),
    /// And whether the report holds something else than what was sent: what was left out stayed.
    Actualizado(i64, bool),
    Fusionado(i64),
    /// With the conflict's id and the fields that clash.
    Conflicto(i64, Vec<Choque>),
    Rechazado(Motivo),
}

impl Write for RecibirLote {
    type Out = Vec<Juzgado>;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Juzgado>, Fallo> {
        let mut mesa = Mesa::nueva(self, tx).await?;
        let mut suertes = Vec::with_capacity(self.items.len());
        for (i, item) in self.items.iter().enumerate() {
            suertes.push(mesa.juzga(tx, i, item)?);
        }
        let (expedientes, ids, lugar) = mesa.escribe(tx).await?;
        dispositivos::anota(tx, self.quien.rut, &self.presencia).await?;
        responde(&self.items, expedientes, &ids, suertes, lugar)
    }
}
