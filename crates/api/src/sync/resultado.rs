//! What became of one item of a batch, as the phone reads it.

use serde::Serialize;
use serde_json::{Value, value::RawValue};
use sigra_domain::{ErrorCampo, Idioma, reporte::SyncStatus, sync::Motivo};
use sigra_store::sync::{Juzgado, Suerte};
use utoipa::ToSchema;

use super::Campo;
use crate::{
    acceso::Sesion,
    codigo::Codigo,
    problema::Problema,
    reportes::vista::{Multimedia, Reporte, multimedia, vista},
};

/// An item's destino: refused as it was read, or judged.
pub type Destino = Result<Juzgado, Vec<ErrorCampo>>;

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
    pub fn de(
        uuid_cliente: Option<Box<RawValue>>,
        destino: Destino,
        sesion: &Sesion,
        idioma: Idioma,
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
        let Juzgado { suerte, leido } = match destino {
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
                Suerte::Rechazado(Motivo::UuidAjeno) => Codigo::UuidEnConflicto.into(),
                Suerte::Rechazado(Motivo::Retirado) => Codigo::ReporteRetirado.into(),
                Suerte::Rechazado(Motivo::DemasiadosConflictos) => {
                    Codigo::DemasiadosConflictos.into()
                }
                Suerte::Rechazado(Motivo::RespuestaLlena) => Codigo::RespuestaLlena.into(),
                Suerte::Rechazado(Motivo::Datos(errores)) => errores.into(),
                _ => Codigo::ErrorInterno.into(),
            };
            return Self {
                error: rechazo(problema),
                ..vacio
            };
        };
        let ahora = leido.reporte.version;
        let (resultado, version, con_actual) = match &suerte {
            Suerte::Creado(v) => ("creado", *v, false),
            Suerte::Duplicado(v, difiere) => ("duplicado", *v, *difiere),
            Suerte::Actualizado(v, difiere) => ("actualizado", *v, *difiere),
            Suerte::Fusionado(v) => ("fusionado", *v, true),
            Suerte::Conflicto(..) => ("conflicto", ahora, true),
            Suerte::Rechazado(_) => ("rechazado", ahora, false),
        };
        let (conflicto_id, campos) = match suerte {
            Suerte::Conflicto(id, choques) => (
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
            actual: con_actual.then(|| Box::new(vista(&leido, &sesion.catalogo))),
            conflicto_id,
            campos,
            ..vacio
        }
    }
}
