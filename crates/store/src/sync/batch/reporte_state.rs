//! What is known of a report while a batch about it is judged: as it is in this transaction, what was
//! accepted for it, what waits for a decision, and how it came to be.

use std::collections::HashMap;

use serde_json::json;
use sigra_domain::{
    Evento, Quien,
    bitacora::{Accion, FieldValues, diff},
    catalogo::Catalogo,
    reporte::{
        Contenido, EstadoArchivo, FieldConflict, NewReporte, Reporte, SyncStatus, sha256_of,
        status_without_conflicto,
    },
    sync::{ItemContext, Verdict, judge},
};

use crate::sync::conflicts::{PendingConflicto, SentContenido};
use crate::{
    StoreError, Tx,
    reportes::{
        StoredArchivo, StoredReporte,
        change::{AcceptedContent, ReporteWrite},
        entry::{ChangeDetails, ChangeRecord},
    },
};

/// The field of the hash.
const SHA256: &str = "sha256_contenido";

/// One report with its past.
pub(in crate::sync) struct ReporteState {
    pub(in crate::sync) leido: StoredReporte,
    /// Version and values before it, oldest first; only as far back as an item may ask for.
    pub(in crate::sync) historia: Vec<(i64, FieldValues)>,
    pub(in crate::sync) aceptados: HashMap<AcceptedContent, i64>,
    pub(in crate::sync) abiertos: HashMap<AcceptedContent, OpenConflicto>,
}

/// What waits for a decision.
pub(in crate::sync) struct OpenConflicto {
    /// None yet for what this batch brought.
    pub(in crate::sync) id: Option<i64>,
    /// The values that the phone worked from, as far as they were known then.
    pub(in crate::sync) base: Option<FieldValues>,
}

impl ReporteState {
    /// A report that this batch brought.
    pub(in crate::sync) fn new(leido: StoredReporte, aceptado: AcceptedContent) -> Self {
        let version = leido.reporte.version;
        Self {
            aceptados: HashMap::from([(aceptado, version)]),
            ..Self::without_history(leido)
        }
    }

    pub(in crate::sync) fn without_history(leido: StoredReporte) -> Self {
        Self {
            leido,
            historia: vec![],
            aceptados: HashMap::new(),
            abiertos: HashMap::new(),
        }
    }

    pub(in crate::sync) fn judge(
        &self,
        enviado: &NewReporte,
        quien: &Quien,
        catalogo: &Catalogo,
    ) -> Verdict {
        let clave = AcceptedContent::from_sent(enviado);
        let abierto = self.abiertos.get(&clave);
        let base = match abierto {
            Some(abierto) => abierto.base.clone(),
            None => self.base_values(enviado),
        };
        judge(
            enviado,
            &ItemContext {
                quien,
                actual: &self.leido.reporte,
                aceptado: self.aceptados.get(&clave).copied(),
                en_conflicto: abierto.is_some(),
                conflictos: self.abiertos.len(),
                base: base.as_ref(),
                catalogo,
            },
        )
    }

    /// The content's values at the version the phone worked from. `None` when that is not known here, or
    /// the phone knew it with other content: the database may have been restored since.
    fn base_values(&self, enviado: &NewReporte) -> Option<FieldValues> {
        let mut values = self.values_at(enviado.version_base?)?;
        let guardada = values.remove(SHA256);
        match &enviado.sha256_base {
            // The hash may also be that of a manifest in upper case, as somebody sent it.
            Some(sha) if guardada != Some(json!(sha)) && *sha != sha256_of(&values) => None,
            _ => Some(values),
        }
    }

    /// The content's values at a version, and its hash: today's, and before each later change what it was
    /// then. `None` when that is further back than was read.
    fn values_at(&self, version: i64) -> Option<FieldValues> {
        let actual = &self.leido.reporte;
        if !(1..=actual.version).contains(&version) {
            return None;
        }
        // Only as far as it was read.
        let alcanza = self
            .historia
            .first()
            .is_some_and(|(v, _)| *v <= version + 1);
        if version < actual.version && !alcanza {
            return None;
        }
        let mut values = actual.contenido.values();
        values.insert(SHA256.into(), json!(actual.sha256_contenido));
        let despues = self.historia.iter().rev();
        for (_, antes) in despues.take_while(|(v, _)| *v > version) {
            for (campo, valor) in antes {
                if values.contains_key(campo) {
                    values.insert(campo.clone(), valor.clone());
                }
            }
        }
        Some(values)
    }

    /// This content was accepted without a change.
    pub(in crate::sync) fn accept(&mut self, clave: AcceptedContent) -> i64 {
        let version = self.leido.reporte.version;
        self.aceptados.insert(clave, version);
        version
    }

    /// The report gets this content: what is to be written.
    pub(in crate::sync) fn update(
        &mut self,
        tx: &Tx<'_>,
        quien: &Quien,
        contenido: Contenido,
        enviado: &NewReporte,
    ) -> Result<ReporteWrite, StoreError> {
        let mut reporte = self.leido.reporte.clone();
        reporte.sha256_contenido = if contenido == enviado.contenido {
            enviado.sha256_contenido.clone()
        } else {
            contenido.sha256()
        };
        reporte.contenido = contenido;
        self.add_archivos(&reporte.contenido);
        if reporte.sync_status != SyncStatus::Conflicto {
            reporte.sync_status = status_without_conflicto(&reporte.contenido, &reporte.archivos);
        }
        reporte.last_sync_attempt = Some(tx.ahora);
        let clave = AcceptedContent::from_sent(enviado);
        let mut escritura = self.build_write(
            tx,
            quien,
            reporte,
            (Accion::Editar, None, Evento::ReporteCambiado),
        )?;
        self.accept(clave.clone());
        escritura.aceptado = Some(clave);
        Ok(escritura)
    }

    /// Somebody has to decide about what was sent: what is to be written.
    pub(in crate::sync) fn open_conflicto(
        &mut self,
        tx: &Tx<'_>,
        quien: &Quien,
        choques: &[FieldConflict],
        enviado: &NewReporte,
    ) -> Result<(ReporteWrite, PendingConflicto), StoreError> {
        let clave = AcceptedContent::from_sent(enviado);
        let base = self.base_values(enviado);
        let mut reporte = self.leido.reporte.clone();
        reporte.sync_status = SyncStatus::Conflicto;
        reporte.last_sync_attempt = Some(tx.ahora);
        let campos: Vec<&str> = choques.iter().map(|c| c.campo.as_str()).collect();
        let done = (
            Accion::Conflicto,
            Some(campos.join(", ")),
            Evento::ConflictoCreado,
        );
        let escritura = self.build_write(tx, quien, reporte, done)?;
        let pendiente = PendingConflicto {
            reporte_id: self.leido.reporte.id,
            clave: clave.clone(),
            enviado: SentContenido::from_sent(enviado),
            base: base.clone(),
        };
        self.abiertos
            .insert(clave, OpenConflicto { id: None, base });
        Ok((escritura, pendiente))
    }

    /// The next version of the report.
    pub(in crate::sync) fn build_write(
        &mut self,
        tx: &Tx<'_>,
        quien: &Quien,
        mut reporte: Reporte,
        (accion, detalle, evento): (Accion, Option<String>, Evento),
    ) -> Result<ReporteWrite, StoreError> {
        let viejo = &self.leido.reporte;
        reporte.version += 1;
        reporte.hora_actualizado = tx.ahora;
        let done = ChangeDetails {
            accion,
            detalle,
            cambios: diff(&viejo.values(), &reporte.values()),
            area_antes: Some(viejo.contenido.area_id),
            evento,
        };
        let registro = ChangeRecord::new(&mut reporte, quien, tx.ahora, done)?;
        let antes = registro.entrada().antes.clone();
        self.historia.push((reporte.version, antes));
        let viejo = std::mem::replace(&mut self.leido.reporte, reporte.clone());
        let epoch = tx.env.random_i64();
        Ok(ReporteWrite::new(Some(&viejo), reporte, registro, epoch))
    }

    /// Files that the manifest did not have; their ids come with their rows.
    pub(in crate::sync) fn add_archivos(&mut self, contenido: &Contenido) {
        let suyos = &mut self.leido.archivos;
        for archivo in contenido.multimedia.iter().flatten() {
            let tiene = |a: &StoredArchivo| a.archivo.uuid_cliente == archivo.uuid_cliente;
            if !suyos.iter().any(tiene) {
                suyos.push(StoredArchivo {
                    id: 0,
                    archivo: archivo.clone(),
                    estado: EstadoArchivo::Pendiente,
                });
            }
        }
        suyos.sort_by(|a, b| a.archivo.uuid_cliente.cmp(&b.archivo.uuid_cliente));
    }
}
