//! What every change of a report leaves behind: its bitácora entry and its place in the change feed, from
//! which people are told, in the transaction of the change itself.

use sigra_domain::{
    Evento, Instante, Quien,
    bitacora::{Accion, Cabeza, Entrada, FieldValues, chain_hash},
    reporte::Reporte,
};

use crate::StoreError;

/// One change of a report, ready to be written.
#[derive(Debug)]
pub(crate) struct ChangeRecord {
    entrada: Entrada,
    canonica: String,
    area_antes: Option<i64>,
    evento: Evento,
}

/// What was done to a report.
pub(crate) struct ChangeDetails {
    pub(crate) accion: Accion,
    pub(crate) detalle: Option<String>,
    /// The fields that changed, before and after.
    pub(crate) cambios: (FieldValues, FieldValues),
    pub(crate) area_antes: Option<i64>,
    /// What others are told of it.
    pub(crate) evento: Evento,
}

impl ChangeRecord {
    /// The entry that makes `reporte` what it is, chained to its bitácora: moves the report's
    /// `cabeza` forward. `reporte.version` is already the new one.
    pub(crate) fn new(
        reporte: &mut Reporte,
        quien: &Quien,
        ahora: Instante,
        done: ChangeDetails,
    ) -> Result<Self, StoreError> {
        let (antes, despues) = done.cambios;
        let entrada = Entrada {
            uuid_cliente: reporte.uuid_cliente.clone(),
            n: reporte.cabeza.entradas + 1,
            version: reporte.version,
            accion: done.accion,
            rut: quien.rut,
            en: ahora,
            detalle: done.detalle,
            antes,
            despues,
        };
        let canonica = entrada
            .canonical_json()
            .map_err(|e| StoreError::Dato(e.to_string()))?;
        reporte.cabeza = Cabeza {
            entradas: entrada.n,
            hash: chain_hash(&reporte.cabeza.hash, &canonica),
        };
        Ok(Self {
            entrada,
            canonica,
            area_antes: done.area_antes,
            evento: done.evento,
        })
    }

    pub(crate) fn entrada(&self) -> &Entrada {
        &self.entrada
    }

    pub(crate) fn canonical_json(&self) -> &str {
        &self.canonica
    }

    pub(crate) fn previous_area(&self) -> Option<i64> {
        self.area_antes
    }

    pub(crate) fn evento(&self) -> Evento {
        self.evento
    }
}
