//! What a phone did.

use crate::{Problema, verdict::Verdict};

/// Counts since they were last taken. One report may count in several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncSummary {
    /// Items in the batches that were answered.
    pub enviados: u64,
    pub creados: u64,
    pub duplicados: u64,
    pub actualizados: u64,
    pub fusionados: u64,
    pub conflictos: u64,
    /// For good.
    pub rechazados: u64,
    /// Refused for now.
    pub aplazados: u64,
    /// Reports that pulls brought.
    pub bajados: u64,
    /// Reports that pulls took away.
    pub retirados: u64,
    /// Files that the server has whole.
    pub archivos: u64,
    /// Their bytes.
    pub bytes_de_archivos: u64,
    /// How often an upload went on from where a link had broken.
    pub reanudados: u64,
    /// Files that the server refused for good.
    pub archivos_rechazados: u64,
    pub peticiones: u64,
    /// Of request bodies as they travelled (JSON in gzip), answered or not; headers do not count.
    pub bytes_subidos: u64,
    /// Of answer bodies as they travelled, as far as they came.
    pub bytes_bajados: u64,
    pub fin: SyncEnd,
}

/// How [`crate::Phone::sync`] ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum SyncEnd {
    /// All that could be sent was, and all that there is came.
    #[default]
    AlDia,
    /// The link or the server failed too often in a row; try again later.
    SinEnlace,
    EntrarDeNuevo,
    /// The server refuses the requests as such; a person must look into it.
    Negado(Box<Problema>),
}

impl SyncSummary {
    pub(crate) fn record(&mut self, verdict: &Verdict) {
        let cuenta = match verdict {
            Verdict::Creado { .. } => &mut self.creados,
            Verdict::Duplicado { .. } => &mut self.duplicados,
            Verdict::Actualizado { .. } => &mut self.actualizados,
            Verdict::Fusionado { .. } => &mut self.fusionados,
            Verdict::Conflicto { .. } => &mut self.conflictos,
            Verdict::Rechazado { error } if error.permanente => &mut self.rechazados,
            Verdict::Rechazado { .. } => &mut self.aplazados,
        };
        *cuenta += 1;
    }
}
