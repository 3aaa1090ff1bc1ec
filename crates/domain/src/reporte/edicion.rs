//! An edit of a report over the web or by a supervisor: which fields change, and who may.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Contenido, Reporte, Ubicacion,
    nuevo::{self, UbicacionIn},
};
use crate::{
    Campo, ErrorCampo, Falla, Quien, Rol,
    bitacora::{self, Entrada, Valores},
    campo::{Errores, Objeto, tipo},
    catalogo::{Catalogo, TransicionNegada},
};

/// Lo que cambia de un reporte: lo ausente queda igual, null borra.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"severidad_id": 3, "detalle": "El planchón es más grande de lo informado.", "version": 1}))]
pub struct ReporteEdit {
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    pub estado_id: Campo<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 255)]
    pub titulo: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 10_000)]
    pub descripcion: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    pub area_id: Campo<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    pub severidad_id: Campo<i64>,
    #[serde(default)]
    #[schema(value_type = Option<Ubicacion>, required = false)]
    pub ubicacion: Campo<Objeto<UbicacionIn>>,
    /// Por qué; queda en la bitácora.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 2_000)]
    pub detalle: Campo<String>,
    /// La versión que el cliente vio; también puede venir en `If-Match`.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    pub version: Campo<i64>,
}

/// A valid edit: the values that shall be, each present only when the client named it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cambio {
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
pub enum EdicionNegada {
    /// The caller may not change this report so.
    SinPermiso,
    /// Its content is fixed: it is decided.
    Decidido,
    /// No such transition.
    Transicion,
    /// It would move the report to what the site no longer uses.
    EnDesuso(Vec<ErrorCampo>),
}

impl ReporteEdit {
    /// Every rule of the fields. An area or severity that went out of use is refused only later, by
    /// [`Cambio::permitido`]: the report may have it already.
    pub fn validar(self, catalogo: &Catalogo) -> Result<Cambio, Vec<ErrorCampo>> {
        let mut e = Errores::default();
        let titulo = no_nulo(&mut e, "titulo", self.titulo, tipo::TEXTO)
            .and_then(|t| e.toma("titulo", nuevo::titulo(t)));
        let descripcion = nulable(&mut e, "descripcion", self.descripcion, tipo::TEXTO)
            .map(|d| d.and_then(|t| e.toma("descripcion", nuevo::descripcion(t))));
        let area_id = no_nulo(&mut e, "area_id", self.area_id, tipo::ENTERO)
            .and_then(|id| e.toma("area_id", nuevo::area(id, catalogo)));
        let severidad_id = no_nulo(&mut e, "severidad_id", self.severidad_id, tipo::ENTERO)
            .and_then(|id| e.toma("severidad_id", nuevo::severidad(id, catalogo)));
        let ubicacion = nulable(&mut e, "ubicacion", self.ubicacion, tipo::OBJETO)
            .map(|u| u.and_then(|u| nuevo::ubicacion(u, &mut e)));
        let estado_id = no_nulo(&mut e, "estado_id", self.estado_id, tipo::ENTERO).and_then(|id| {
            let existe = catalogo.estado(id).map(|s| s.id).ok_or(Falla::NoExiste);
            e.toma("estado_id", existe)
        });
        let detalle = e
            .opcional("detalle", self.detalle, tipo::TEXTO)
            .and_then(|t| e.toma("detalle", nuevo::detalle(t)));
        let version = e.opcional("version", self.version, tipo::ENTERO);
        e.fin(Some(Cambio {
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
    e: &mut Errores,
    campo: &str,
    valor: Campo<T>,
    tipo: (&'static str, &'static str),
) -> Option<T> {
    if valor_ausente(&valor) {
        None
    } else {
        e.requerido(campo, valor, tipo)
    }
}

/// A field that may be absent (`None`) or null (`Some(None)`).
fn nulable<T>(
    e: &mut Errores,
    campo: &str,
    valor: Campo<T>,
    tipo: (&'static str, &'static str),
) -> Option<Option<T>> {
    if valor_ausente(&valor) {
        None
    } else {
        Some(e.opcional(campo, valor, tipo))
    }
}

fn valor_ausente<T>(valor: &Campo<T>) -> bool {
    matches!(valor, Campo::Ausente)
}

impl Cambio {
    /// A change of state alone, as `aprobar` and `rechazar` make it.
    pub fn de_estado(estado_id: i64, detalle: Option<String>, version: Option<i64>) -> Self {
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
    pub fn nuevo_contenido(&self, viejo: &Contenido) -> Contenido {
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

    /// Whether `quien` may make this change of `reporte` now. Asked after [`Quien::puede_ver`].
    pub fn permitido(
        &self,
        quien: &Quien,
        reporte: &Reporte,
        catalogo: &Catalogo,
    ) -> Result<(), EdicionNegada> {
        let c = &reporte.contenido;
        let cambia_contenido = self.nuevo_contenido(c) != *c;
        if cambia_contenido {
            if !quien.puede_editar(reporte.rut, c.area_id) {
                return Err(EdicionNegada::SinPermiso);
            }
            if catalogo.decidido(reporte.estado_id) {
                return Err(EdicionNegada::Decidido);
            }
        }
        let en_desuso = nuevo::en_desuso(
            self.area_id.filter(|id| *id != c.area_id),
            self.severidad_id.filter(|id| *id != c.severidad_id),
            catalogo,
        );
        if !en_desuso.is_empty() {
            return Err(EdicionNegada::EnDesuso(en_desuso));
        }
        match self.estado_id {
            Some(hacia) if hacia != reporte.estado_id => {
                let paso = catalogo.transicion(reporte.estado_id, hacia, quien.rol);
                // A site may leave a step to authors, whatever else they are.
                let de_autores = catalogo.transicion(reporte.estado_id, hacia, Rol::Trabajador);
                if quien.rut == reporte.rut && de_autores.is_ok() {
                    return Ok(());
                }
                if !quien.puede_decidir(c.area_id) {
                    return Err(EdicionNegada::SinPermiso);
                }
                paso.map_err(|e| match e {
                    TransicionNegada::NoExiste => EdicionNegada::Transicion,
                    TransicionNegada::OtroRol => EdicionNegada::SinPermiso,
                })
            }
            _ => Ok(()),
        }
    }

    /// The values that this change names, over `base`.
    fn sobre(&self, base: &Valores) -> Valores {
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
            self.ubicacion.as_ref().map(bitacora::como_en_entrada),
        );
        pon("estado_id", self.estado_id.map(|x| serde_json::json!(x)));
        v
    }

    /// Whether this change, said against `version`, is what `quien` already did then: the entry
    /// that followed is theirs and made exactly these values. Such a change, sent again because its
    /// answer was lost, is answered and not made twice.
    pub fn ya_hecho(&self, entradas: &[Entrada], version: i64, quien: &Quien) -> bool {
        let Some(siguiente) = entradas
            .iter()
            .find(|e| e.version == version.saturating_add(1))
        else {
            return false;
        };
        let Some(base) = bitacora::valores_en(entradas, version) else {
            return false;
        };
        let (_, mut despues) = bitacora::diferencia(&base, &self.sobre(&base));
        let mut hecho = siguiente.despues.clone();
        // Follow from the others.
        for campo in ["sha256_contenido", "decidido_en", "a_tiempo"] {
            despues.remove(campo);
            hecho.remove(campo);
        }
        siguiente.rut == quien.rut && hecho == despues
    }
}
