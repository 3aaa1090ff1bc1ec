//! An edit of a report over the web or by a supervisor: which fields change, and who may.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Contenido, Reporte, Ubicacion,
    nuevo::{self, UbicacionIn},
};
use crate::{
    Field, FieldError, FieldErrorKind, Quien, Rol,
    bitacora::{self, Entrada, FieldValues},
    campo::{FieldErrors, JsonObject, tipo},
    catalogo::{Catalogo, TransicionDenied},
};

/// Lo que cambia de un reporte: lo ausente queda igual, null borra.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"severidad_id": 3, "detalle": "El planchón es más grande de lo informado.", "version": 1}))]
pub struct ReporteEdit {
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    pub estado_id: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 255)]
    pub titulo: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 10_000)]
    pub descripcion: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    pub area_id: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    pub severidad_id: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<Ubicacion>, required = false)]
    pub ubicacion: Field<JsonObject<UbicacionIn>>,
    /// Por qué; queda en la bitácora.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 2_000)]
    pub detalle: Field<String>,
    /// La versión que el cliente vio; también puede venir en `If-Match`.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    pub version: Field<i64>,
}

/// A valid edit: the values that shall be, each present only when the client named it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReporteChange {
    titulo: Option<String>,
    descripcion: Option<Option<String>>,
    area_id: Option<i64>,
    severidad_id: Option<i64>,
    ubicacion: Option<Option<Ubicacion>>,
    pub estado_id: Option<i64>,
    pub detalle: Option<String>,
    /// From the body; `If-Match` may say it instead.
    pub version: Option<i64>,
}

/// Why a valid edit is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum EditDenied {
    /// The caller may not change this report so.
    SinPermiso,
    /// Its content is fixed: it is decided.
    Decidido,
    /// No such transition.
    Transicion,
    /// It would move the report to what the site no longer uses.
    EnDesuso(Vec<FieldError>),
}

impl ReporteEdit {
    /// Every rule of the fields. An area or severity that went out of use is refused only later, by
    /// [`ReporteChange::check_allowed`]: the report may have it already.
    pub fn validate(self, catalogo: &Catalogo) -> Result<ReporteChange, Vec<FieldError>> {
        let mut e = FieldErrors::default();
        let titulo = no_nulo(&mut e, "titulo", self.titulo, tipo::STRING)
            .and_then(|t| e.take("titulo", nuevo::titulo(t)));
        let descripcion = nullable(&mut e, "descripcion", self.descripcion, tipo::STRING)
            .map(|d| d.and_then(|t| e.take("descripcion", nuevo::descripcion(t))));
        let area_id = no_nulo(&mut e, "area_id", self.area_id, tipo::INTEGER)
            .and_then(|id| e.take("area_id", nuevo::area(id, catalogo)));
        let severidad_id = no_nulo(&mut e, "severidad_id", self.severidad_id, tipo::INTEGER)
            .and_then(|id| e.take("severidad_id", nuevo::severidad(id, catalogo)));
        let ubicacion = nullable(&mut e, "ubicacion", self.ubicacion, tipo::OBJECT)
            .map(|u| u.and_then(|u| nuevo::ubicacion(u, &mut e)));
        let estado_id =
            no_nulo(&mut e, "estado_id", self.estado_id, tipo::INTEGER).and_then(|id| {
                let existe = catalogo
                    .estado(id)
                    .map(|s| s.id)
                    .ok_or(FieldErrorKind::NoExiste);
                e.take("estado_id", existe)
            });
        let detalle = e
            .optional("detalle", self.detalle, tipo::STRING)
            .and_then(|t| e.take("detalle", nuevo::detalle(t)));
        let version = e.optional("version", self.version, tipo::INTEGER);
        e.finish(Some(ReporteChange {
            titulo,
            descripcion,
            area_id,
            severidad_id,
            ubicacion,
            estado_id,
            detalle,
            version,
        }))
    }
}

/// A field that may be absent, not null.
fn no_nulo<T>(
    e: &mut FieldErrors,
    campo: &str,
    valor: Field<T>,
    tipo: (&'static str, &'static str),
) -> Option<T> {
    if is_absent(&valor) {
        None
    } else {
        e.required(campo, valor, tipo)
    }
}

/// A field that may be absent (`None`) or null (`Some(None)`).
fn nullable<T>(
    e: &mut FieldErrors,
    campo: &str,
    valor: Field<T>,
    tipo: (&'static str, &'static str),
) -> Option<Option<T>> {
    if is_absent(&valor) {
        None
    } else {
        Some(e.optional(campo, valor, tipo))
    }
}

fn is_absent<T>(valor: &Field<T>) -> bool {
    matches!(valor, Field::Ausente)
}

impl ReporteChange {
    /// A change of state alone, as `aprobar` and `rechazar` make it.
    pub fn from_estado(estado_id: i64, detalle: Option<String>, version: Option<i64>) -> Self {
        Self {
            titulo: None,
            descripcion: None,
            area_id: None,
            severidad_id: None,
            ubicacion: None,
            estado_id: Some(estado_id),
            detalle,
            version,
        }
    }

    /// The content after this change.
    pub fn new_contenido(&self, viejo: &Contenido) -> Contenido {
        let mut c = viejo.clone();
        if let Some(titulo) = &self.titulo {
            c.titulo.clone_from(titulo);
        }
        if let Some(descripcion) = &self.descripcion {
            c.descripcion.clone_from(descripcion);
        }
        c.area_id = self.area_id.unwrap_or(c.area_id);
        c.severidad_id = self.severidad_id.unwrap_or(c.severidad_id);
        if let Some(ubicacion) = &self.ubicacion {
            c.ubicacion.clone_from(ubicacion);
        }
        c
    }

    /// Whether `quien` may make this change of `reporte` now. Asked after [`Quien::can_see`].
    pub fn check_allowed(
        &self,
        quien: &Quien,
        reporte: &Reporte,
        catalogo: &Catalogo,
    ) -> Result<(), EditDenied> {
        let c = &reporte.contenido;
        let cambia_contenido = self.new_contenido(c) != *c;
        if cambia_contenido {
            if !quien.can_edit(reporte.rut, c.area_id) {
                return Err(EditDenied::SinPermiso);
            }
            if catalogo.is_decided(reporte.estado_id) {
                return Err(EditDenied::Decidido);
            }
        }
        let en_desuso = nuevo::out_of_use(
            self.area_id.filter(|id| *id != c.area_id),
            self.severidad_id.filter(|id| *id != c.severidad_id),
            catalogo,
        );
        if !en_desuso.is_empty() {
            return Err(EditDenied::EnDesuso(en_desuso));
        }
        match self.estado_id {
            Some(hacia) if hacia != reporte.estado_id => {
                let paso = catalogo.check_transicion(reporte.estado_id, hacia, quien.rol);
                // A site may leave a step to authors, whatever else they are.
                let de_autores =
                    catalogo.check_transicion(reporte.estado_id, hacia, Rol::Trabajador);
                if quien.rut == reporte.rut && de_autores.is_ok() {
                    return Ok(());
                }
                if !quien.can_decide(c.area_id) {
                    return Err(EditDenied::SinPermiso);
                }
                paso.map_err(|e| match e {
                    TransicionDenied::NoExiste => EditDenied::Transicion,
                    TransicionDenied::OtroRol => EditDenied::SinPermiso,
                })
            }
            _ => Ok(()),
        }
    }

    /// The values that this change names, over `base`.
    fn apply_to(&self, base: &FieldValues) -> FieldValues {
        let mut v = base.clone();
        let mut pon = |campo: &str, valor: Option<serde_json::Value>| {
            if let Some(valor) = valor {
                v.insert(campo.to_owned(), valor);
            }
        };
        pon("titulo", self.titulo.as_ref().map(|x| serde_json::json!(x)));
        pon(
            "descripcion",
            self.descripcion.as_ref().map(|x| serde_json::json!(x)),
        );
        pon("area_id", self.area_id.map(|x| serde_json::json!(x)));
        pon(
            "severidad_id",
            self.severidad_id.map(|x| serde_json::json!(x)),
        );
        pon(
            "ubicacion",
            self.ubicacion.as_ref().map(bitacora::as_in_entrada),
        );
        pon("estado_id", self.estado_id.map(|x| serde_json::json!(x)));
        v
    }

    /// Whether this change, said against `version`, is what `quien` already did then: the entry
    /// that followed is theirs and made exactly these values. Such a change, sent again because its
    /// answer was lost, is answered and not made twice.
    pub fn is_already_done(&self, entradas: &[Entrada], version: i64, quien: &Quien) -> bool {
        let Some(siguiente) = entradas
            .iter()
            .find(|e| e.version == version.saturating_add(1))
        else {
            return false;
        };
        let Some(base) = bitacora::values_at(entradas, version) else {
            return false;
        };
        let (_, mut despues) = bitacora::diff(&base, &self.apply_to(&base));
        let mut hecho = siguiente.despues.clone();
        // Follow from the others.
        for campo in ["sha256_contenido", "decidido_en", "a_tiempo"] {
            despues.remove(campo);
            hecho.remove(campo);
        }
        siguiente.rut == quien.rut && hecho == despues
    }
}
