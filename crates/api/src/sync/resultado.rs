//! What became of one item of a batch, as the phone reads it.

use serde::Serialize;
use serde_json::{Value, value::RawValue};
use sigra_domain::{FieldError, Language, reporte::SyncStatus, sync::RejectReason};
use sigra_store::sync::{ItemOutcome, JudgedItem};
use utoipa::ToSchema;

use super::Campo;
use crate::{
    auth::guard::Session,
    code::Codigo,
    problem::Problema,
    reportes::dto::{Multimedia, Reporte, multimedia, to_dto},
};

/// An item's destino: refused as it was read, or judged.
pub type ItemResult = Result<JudgedItem, Vec<FieldError>>;

/// Qué fue de un reporte.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "uuid_cliente": "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11", "resultado": "creado", "id": 17, "version": 1,
    "sync_status": "completo"
}))]
pub struct Resultado {
    /// Como se envió.
    #[schema(value_type = Option<String>)]
    pub uuid_cliente: Option<Box<RawValue>>,
    pub resultado: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// La versión que este envío produjo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_status: Option<SyncStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub multimedia: Vec<Multimedia>,
    /// El reporte como quedó, cuando no es lo que se envió.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<Box<Reporte>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflicto_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campos: Option<Vec<Campo>>,
    /// Un problema, cuando se rechazó.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub error: Option<Value>,
}

impl Resultado {
    pub fn from_outcome(
        uuid_cliente: Option<Box<RawValue>>,
        destino: ItemResult,
        sesion: &Session,
        idioma: Language,
    ) -> Self {
        let vacio = Self {
            uuid_cliente,
            resultado: "rechazado",
            id: None,
            version: None,
            sync_status: None,
            multimedia: vec![],
            actual: None,
            conflicto_id: None,
            campos: None,
            error: None,
        };
        let rechazo = |problema: Problema| Some(problema.json(idioma, "/sync/batch"));
        let JudgedItem { suerte, leido } = match destino {
            Ok(juzgado) => juzgado,
            Err(errores) => {
                return Self {
                    error: rechazo(errores.into()),
                    ..vacio
                };
            }
        };
        let Some(leido) = leido else {
            let problema = match suerte {
                ItemOutcome::Rechazado(RejectReason::UuidAjeno) => Codigo::UuidEnConflicto.into(),
                ItemOutcome::Rechazado(RejectReason::Retirado) => Codigo::ReporteRetirado.into(),
                ItemOutcome::Rechazado(RejectReason::DemasiadosConflictos) => {
                    Codigo::DemasiadosConflictos.into()
                }
                ItemOutcome::Rechazado(RejectReason::RespuestaLlena) => {
                    Codigo::RespuestaLlena.into()
                }
                ItemOutcome::Rechazado(RejectReason::Datos(errores)) => errores.into(),
                _ => Codigo::ErrorInterno.into(),
            };
            return Self {
                error: rechazo(problema),
                ..vacio
            };
        };
        let ahora = leido.reporte.version;
        let (resultado, version, con_actual) = match &suerte {
            ItemOutcome::Creado(v) => ("creado", *v, false),
            ItemOutcome::Duplicado(v, difiere) => ("duplicado", *v, *difiere),
            ItemOutcome::Actualizado(v, difiere) => ("actualizado", *v, *difiere),
            ItemOutcome::Fusionado(v) => ("fusionado", *v, true),
            ItemOutcome::Conflicto(..) => ("conflicto", ahora, true),
            ItemOutcome::Rechazado(_) => ("rechazado", ahora, false),
        };
        let (conflicto_id, campos) = match suerte {
            ItemOutcome::Conflicto(id, choques) => (
                Some(id),
                Some(choques.into_iter().map(Into::into).collect()),
            ),
            _ => (None, None),
        };
        Self {
            resultado,
            id: Some(leido.reporte.id),
            version: Some(version),
            sync_status: Some(leido.reporte.sync_status),
            multimedia: multimedia(&leido),
            actual: con_actual.then(|| Box::new(to_dto(&leido, &sesion.catalogo))),
            conflicto_id,
            campos,
            ..vacio
        }
    }
}
