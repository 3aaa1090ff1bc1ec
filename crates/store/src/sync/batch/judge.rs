//! Where a batch is judged: what is new is written first, the rest is read once, each item is judged
//! against what the items before have left, and all changes are written together.

use std::collections::{HashMap, HashSet};

use sigra_domain::{
    reporte::{Archivo, NewReporte},
    sync::{RejectReason, Verdict},
};

use super::{
    apply::{ApplyBatch, Item, ItemOutcome},
    load::load,
    reporte_state::ReporteState,
    response::{ResponseBudget, estimated_size},
};
use crate::{
    StoreError, Tx,
    db::{json, with_conn},
    reportes::{
        StoredReporte,
        change::{
            AcceptedContent, ArchivoIds, ReporteIds, ReporteWrite, insert, insert_archivos, update,
        },
        create::as_loaded,
        get::{find_by_uuids, lock_by_uuids},
    },
    sync::conflicts::{self, PendingConflicto},
};

/// An item's fate before conflicts have their ids.
pub(super) struct PendingOutcome {
    /// Of the report; `None` when the item was refused.
    pub(super) reporte_id: Option<i64>,
    pub(super) suerte: ItemOutcome,
    pub(super) conflicto: Option<AcceptedContent>,
}

/// Where a batch is judged: each report as the items before have left it.
pub(super) struct BatchJudge<'a> {
    lote: &'a ApplyBatch,
    /// The item that made each new report.
    creados: HashMap<i64, usize>,
    ids: HashMap<&'a str, i64>,
    states: HashMap<i64, ReporteState>,
    escrituras: Vec<ReporteWrite>,
    archivos: Vec<(i64, Archivo)>,
    aceptados: Vec<(i64, AcceptedContent, i64)>,
    conflictos: Vec<PendingConflicto>,
    /// Of the answer.
    slot: ResponseBudget,
}

impl<'a> BatchJudge<'a> {
    /// Writes what is new and reads what is not.
    pub(super) async fn new(lote: &'a ApplyBatch, tx: &mut Tx<'_>) -> Result<Self, StoreError> {
        let mut vistos = HashSet::new();
        let mut primeras: Vec<usize> = Vec::with_capacity(lote.items.len());
        for (i, item) in lote.items.iter().enumerate() {
            if item.enviado.en_desuso.is_empty() && vistos.insert(&item.enviado.uuid_cliente) {
                primeras.push(i);
            }
        }
        let nuevas: Vec<&ReporteWrite> = primeras.iter().map(|i| &lote.items[*i].nueva).collect();
        let (ids, archivos) = insert(tx, &nuevas).await?;
        let mut batch_judge = Self {
            lote,
            creados: HashMap::new(),
            ids: HashMap::new(),
            states: HashMap::new(),
            escrituras: vec![],
            archivos: vec![],
            aceptados: vec![],
            conflictos: vec![],
            slot: ResponseBudget::new(lote.respuesta_max),
        };
        batch_judge.take_created(primeras, &ids, &archivos)?;
        batch_judge.read_others(tx).await?;
        Ok(batch_judge)
    }

    fn take_created(
        &mut self,
        primeras: Vec<usize>,
        ids: &ReporteIds,
        archivos: &ArchivoIds,
    ) -> Result<(), StoreError> {
        for i in primeras {
            let Item { enviado, nueva } = &self.lote.items[i];
            if let Some(id) = ids.get(&enviado.uuid_cliente) {
                let leido = as_loaded(&nueva.reporte, *id, archivos, &self.lote.autor)?;
                let state = ReporteState::new(leido, AcceptedContent::from_sent(enviado));
                self.states.insert(*id, state);
                self.ids.insert(&enviado.uuid_cliente, *id);
                self.creados.insert(*id, i);
            }
        }
        Ok(())
    }

    async fn read_others(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let items = self.lote.items.iter().map(|r| &r.enviado);
        let otros: HashSet<&str> = items
            .clone()
            .map(|e| e.uuid_cliente.as_str())
            .filter(|uuid| !self.ids.contains_key(uuid))
            .collect();
        if otros.is_empty() {
            return Ok(());
        }
        let uuids: Vec<&str> = otros.into_iter().collect();
        lock_by_uuids(&mut tx.conn, &uuids, self.lote.quien.rut).await?;
        let leidos = find_by_uuids(&mut tx.conn, &uuids).await?;
        let mut leidos: HashMap<String, StoredReporte> = leidos
            .into_iter()
            .map(|l| (l.reporte.uuid_cliente.clone(), l))
            .collect();
        for e in items.clone() {
            if let Some(leido) = leidos.remove(&e.uuid_cliente) {
                self.ids.insert(&e.uuid_cliente, leido.reporte.id);
                self.states
                    .insert(leido.reporte.id, ReporteState::without_history(leido));
            }
        }
        let suyos: Vec<(i64, &NewReporte)> = items
            .filter_map(|e| Some((*self.ids.get(e.uuid_cliente.as_str())?, e)))
            .filter(|(id, _)| !self.creados.contains_key(id))
            .collect();
        load(&mut tx.conn, &mut self.states, &suyos).await
    }

    pub(super) fn judge(
        &mut self,
        tx: &Tx<'_>,
        i: usize,
        item: &Item,
    ) -> Result<PendingOutcome, StoreError> {
        let (quien, enviado) = (&self.lote.quien, &item.enviado);
        let rechazo = |motivo| PendingOutcome {
            reporte_id: None,
            suerte: ItemOutcome::Rechazado(motivo),
            conflicto: None,
        };
        let id = self.ids.get(enviado.uuid_cliente.as_str()).copied();
        // What a later item of the batch makes is not there yet.
        let id = id.filter(|id| self.creados.get(id).is_none_or(|creador| *creador <= i));
        let Some((id, e)) = id.and_then(|id| Some((id, self.states.get_mut(&id)?))) else {
            if enviado.en_desuso.is_empty() {
                return Err(StoreError::Interno("un uuid repetido desapareció"));
            }
            return Ok(rechazo(RejectReason::Datos(enviado.en_desuso.clone())));
        };
        let previa = |suerte| PendingOutcome {
            reporte_id: Some(id),
            suerte,
            conflicto: None,
        };
        if self.creados.get(&id) == Some(&i) {
            return Ok(previa(ItemOutcome::Creado(item.nueva.reporte.version)));
        }
        let clave = AcceptedContent::from_sent(enviado);
        let verdict = e.judge(enviado, quien, &self.lote.catalogo);
        if !self.slot.take(a_contar(&verdict, e, enviado)?) {
            return Ok(rechazo(RejectReason::RespuestaLlena));
        }
        Ok(match verdict {
            Verdict::Rechazado(motivo) => rechazo(motivo),
            Verdict::Duplicado { version, nuevo } => {
                if nuevo {
                    let version = e.accept(clave.clone());
                    self.aceptados.push((id, clave, version));
                }
                previa(ItemOutcome::Duplicado(version, false))
            }
            Verdict::Fusionado(contenido) if contenido == e.leido.reporte.contenido => {
                let version = e.accept(clave.clone());
                self.aceptados.push((id, clave, version));
                previa(ItemOutcome::Fusionado(version))
            }
            v @ (Verdict::Actualizado(_) | Verdict::Fusionado(_)) => {
                let (contenido, suerte): (_, fn(i64) -> ItemOutcome) = match v {
                    // What was left out stayed, and is part of what the next edit is made from.
                    Verdict::Actualizado(c) if c != enviado.contenido => {
                        (c, |version| ItemOutcome::Actualizado(version, true))
                    }
                    Verdict::Actualizado(c) => {
                        (c, |version| ItemOutcome::Actualizado(version, false))
                    }
                    Verdict::Fusionado(c) => (c, ItemOutcome::Fusionado),
                    _ => return Err(StoreError::Interno("veredicto sin contenido")),
                };
                let nuevos = new_archivos(&e.leido, contenido.multimedia.as_deref());
                self.archivos.extend(nuevos.into_iter().map(|a| (id, a)));
                let mut escritura = e.update(tx, quien, contenido, enviado)?;
                escritura.desfase_reloj_ms = Some(self.lote.presencia.desfase_reloj_ms);
                let version = escritura.reporte.version;
                self.escrituras.push(escritura);
                previa(suerte(version))
            }
            Verdict::Conflicto { choques, nuevo } => {
                if nuevo {
                    let (escritura, pendiente) = e.open_conflicto(tx, quien, &choques, enviado)?;
                    self.escrituras.push(escritura);
                    self.conflictos.push(pendiente);
                }
                PendingOutcome {
                    conflicto: Some(clave),
                    ..previa(ItemOutcome::Conflicto(0, choques))
                }
            }
        })
    }

    pub(super) async fn write(
        self,
        tx: &mut Tx<'_>,
    ) -> Result<(HashMap<i64, ReporteState>, ArchivoIds, ResponseBudget), StoreError> {
        let Self {
            mut states,
            escrituras,
            archivos,
            aceptados,
            conflictos: pendientes,
            lote,
            slot,
            ..
        } = self;
        update(tx, &escrituras.iter().collect::<Vec<_>>()).await?;
        let archivos: Vec<_> = archivos.iter().map(|(id, a)| (*id, a)).collect();
        let ids = insert_archivos(tx, &archivos).await?;
        accept(tx, &aceptados).await?;
        let device_id = &lote.presencia.device_id;
        for abierto in conflicts::save(tx, device_id, &pendientes).await? {
            let (id, reporte_id, clave) = abierto;
            if let Some(abierto) = states
                .get_mut(&reporte_id)
                .and_then(|e| e.abiertos.get_mut(&clave))
            {
                abierto.id = Some(id);
            }
        }
        Ok((states, ids, slot))
    }
}

/// Bytes of the answer to a verdict that has to show the report. What was there already is counted when
/// the batch is done with it.
fn a_contar(v: &Verdict, e: &ReporteState, enviado: &NewReporte) -> Result<usize, StoreError> {
    match v {
        Verdict::Actualizado(c) if *c == enviado.contenido => Ok(0),
        Verdict::Actualizado(c) | Verdict::Fusionado(c) => estimated_size(c, &[]),
        Verdict::Conflicto { choques, .. } => estimated_size(&e.leido.reporte.contenido, choques),
        Verdict::Duplicado { .. } | Verdict::Rechazado(_) => Ok(0),
    }
}

/// The files of a manifest that the report does not have.
pub(in crate::sync) fn new_archivos(
    leido: &StoredReporte,
    manifiesto: Option<&[Archivo]>,
) -> Vec<Archivo> {
    let tiene = |a: &Archivo| {
        let suyos = leido.archivos.iter();
        suyos
            .map(|s| &s.archivo.uuid_cliente)
            .any(|u| *u == a.uuid_cliente)
    };
    let todos = manifiesto.into_iter().flatten();
    todos.filter(|a| !tiene(a)).cloned().collect()
}

/// Notes contents that changed nothing, so that they are known when they come again.
async fn accept(
    tx: &mut Tx<'_>,
    aceptados: &[(i64, AcceptedContent, i64)],
) -> Result<(), StoreError> {
    if aceptados.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = aceptados
        .iter()
        .map(|(id, a, version)| (id, &a.sha256_contenido, a.version_base, version))
        .collect();
    let sql = tx.conn.pick(
        "INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
         SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
            json_extract(value, '$[2]'), json_extract(value, '$[3]') FROM json_each($1) WHERE TRUE
         ON CONFLICT DO NOTHING",
        "INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
         SELECT CAST(value->>0 AS BIGINT), value->>1, CAST(value->>2 AS BIGINT),
            CAST(value->>3 AS BIGINT) FROM json_array_elements(CAST($1 AS JSON))
         ON CONFLICT DO NOTHING",
    );
    with_conn!(tx.conn, c => sqlx::query(sql).bind(json(&rows)?).execute(&mut **c).await.map(drop))?;
    Ok(())
}
