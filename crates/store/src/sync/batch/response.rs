//! The room of a batch's answer. A report may be much longer than the item that speaks of it, and an
//! answer is held in memory while a slow link takes it.

use std::{collections::HashMap, sync::Arc};

use sigra_domain::{
    reporte::{Contenido, FieldConflict, is_same},
    sync::RejectReason,
};

use super::{
    apply::{Item, ItemOutcome, JudgedItem},
    judge::PendingOutcome,
    reporte_state::ReporteState,
};
use crate::{
    StoreError,
    db::json,
    reportes::{StoredReporte, change::ArchivoIds},
};

/// Bytes of a result besides content and files.
const RESULT_BYTES: usize = 1_024;
/// Bytes of what is told of a file, besides its description.
const ARCHIVO_BYTES: usize = 512;

/// What is left of it, in bytes.
pub(super) struct ResponseBudget(usize);

impl ResponseBudget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Takes that much, if it is there.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let queda = self.0.checked_sub(bytes);
        self.0 = queda.unwrap_or(self.0);
        queda.is_some()
    }
}

/// About how many bytes it takes to tell this content and these clashes.
pub(super) fn estimated_size(
    contenido: &Contenido,
    choques: &[FieldConflict],
) -> Result<usize, StoreError> {
    let archivos = contenido.multimedia.iter().flatten().count();
    Ok(RESULT_BYTES + archivos * ARCHIVO_BYTES + json(contenido)?.len() + json(choques)?.len())
}

/// What is told of each item, with the report as the batch left it.
pub(super) fn respond(
    items: &[Item],
    mut states: HashMap<i64, ReporteState>,
    ids: &ArchivoIds,
    previas: Vec<PendingOutcome>,
    mut slot: ResponseBudget,
) -> Result<Vec<JudgedItem>, StoreError> {
    for (id, e) in &mut states {
        for a in e.leido.archivos.iter_mut().filter(|a| a.id == 0) {
            let suyo = ids.get(&(*id, a.archivo.uuid_cliente.clone()));
            a.id = *suyo.ok_or(StoreError::Interno("un archivo quedó sin fila"))?;
        }
    }
    let mut leidos: HashMap<i64, Arc<StoredReporte>> = HashMap::new();
    let mut juzgados = Vec::with_capacity(previas.len());
    for (previa, item) in previas.into_iter().zip(items) {
        let mut suerte = previa.suerte;
        let Some(id) = previa.reporte_id else {
            juzgados.push(JudgedItem {
                suerte,
                leido: None,
            });
            continue;
        };
        let e = &states[&id];
        if let (ItemOutcome::Conflicto(conflicto_id, _), Some(clave)) =
            (&mut suerte, &previa.conflicto)
        {
            *conflicto_id = e
                .abiertos
                .get(clave)
                .and_then(|abierto| abierto.id)
                .ok_or(StoreError::Interno("un conflicto quedó sin fila"))?;
        }
        // After a lost answer the phone does not know what else the merge brought.
        if let ItemOutcome::Duplicado(version, difiere) = &mut suerte {
            let actual = &e.leido.reporte;
            *difiere = *version != actual.version || !is_same(&item.enviado, &actual.contenido);
            let bytes = if *difiere {
                estimated_size(&actual.contenido, &[])?
            } else {
                e.leido.archivos.len() * ARCHIVO_BYTES
            };
            if !slot.take(bytes) {
                suerte = ItemOutcome::Rechazado(RejectReason::RespuestaLlena);
            }
        }
        let leido = leidos
            .entry(id)
            .or_insert_with(|| Arc::new(e.leido.clone()));
        let cabe = !matches!(suerte, ItemOutcome::Rechazado(_));
        juzgados.push(JudgedItem {
            suerte,
            leido: cabe.then(|| Arc::clone(leido)),
        });
    }
    Ok(juzgados)
}
