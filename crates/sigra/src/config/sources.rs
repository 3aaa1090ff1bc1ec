//! Where settings come from: defaults, `sigra.toml`, the environment; the later one wins.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use super::{
    settings::{DefaultValue, SETTINGS, Setting},
    value::SettingValue,
};

/// Variables that are no settings: they steer tests and the demo, or Kubernetes sets them in every
/// container beside a Service named `sigra`.
const FOREIGN_VARS: [&str; 3] = ["SIGRA_SOAK", "SIGRA_ACTUALIZAR", "SIGRA_PG_FAST"];
const FOREIGN_PREFIXES: [&str; 4] = ["SIGRA_TEST_", "SIGRA_DEMO_", "SIGRA_PORT", "SIGRA_SERVICE_"];

/// What is asked for settings.
#[derive(Debug)]
pub(crate) struct SettingSources {
    /// The file of `--config`; without it one is looked for.
    pub(crate) archivo: Option<PathBuf>,
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// What relative names of the file start from; the process's own directory unless a test says.
    pub(crate) directorio: PathBuf,
}

impl SettingSources {
    pub(crate) fn from_process(archivo: Option<PathBuf>) -> Self {
        Self {
            archivo,
            variables: std::env::vars_os().collect(),
            directorio: PathBuf::new(),
        }
    }
}

/// Why a name that is no setting is refused: a mistyped one would silently have no effect.
pub(super) const UNKNOWN_SETTING: &str = "no es un ajuste de SIGRA; quítelo o revise su nombre \
                                      (`sigra config print` los muestra todos)";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ValueSource {
    Defecto,
    /// A file and its line.
    Archivo(PathBuf, usize),
    Variable(&'static str),
}

impl fmt::Display for ValueSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defecto => f.write_str("valor por defecto"),
            Self::Archivo(archivo, linea) => write!(f, "{}, línea {linea}", archivo.display()),
            Self::Variable(nombre) => write!(f, "variable {nombre}"),
        }
    }
}

/// A value before its type has judged it.
#[derive(Clone, Debug)]
pub(crate) struct RawSetting {
    pub(crate) ajuste: &'static Setting,
    /// `None`: not set, or set to nothing.
    pub(crate) texto: Option<String>,
    pub(crate) origen: ValueSource,
}

/// The values found so far and what was wrong with the others.
#[derive(Debug, Default)]
pub(crate) struct ParsedSettings {
    pub(crate) archivo: Option<PathBuf>,
    /// The file could not be used, so that what it sets is unknown.
    pub(super) archivo_ilegible: bool,
    pub(crate) crudos: Vec<RawSetting>,
    /// One line each: the setting, where it came from, why.
    pub(super) errores: Vec<String>,
}

impl ParsedSettings {
    pub(super) fn new(fuentes: &SettingSources) -> Self {
        let mut lectura = Self::default();
        let del_entorno = lectura.read_env(&fuentes.variables);
        let del_archivo = lectura.read_file(fuentes, &del_entorno);
        for ajuste in SETTINGS {
            let puesto = [&del_entorno, &del_archivo]
                .into_iter()
                .find_map(|fuente| fuente.iter().find(|c| c.ajuste.nombre == ajuste.nombre));
            let crudo = puesto.cloned().unwrap_or_else(|| RawSetting {
                ajuste,
                texto: lectura.default_value(ajuste),
                origen: ValueSource::Defecto,
            });
            lectura.crudos.push(crudo);
        }
        lectura
    }

    /// The value of a setting, read by its type.
    pub(super) fn value<T: SettingValue>(&mut self, nombre: &str) -> Option<T> {
        let crudo = self.crudos.iter().find(|c| c.ajuste.nombre == nombre)?;
        let leido = match &crudo.texto {
            Some(texto) => T::parse_value(texto),
            None => T::when_empty()
                .ok_or_else(|| "no puede quedar vacío; quítelo o dele un valor".into()),
        };
        let (ajuste, origen) = (crudo.ajuste, crudo.origen.clone());
        leido
            .map_err(|motivo| self.error(ajuste.nombre, &origen, &motivo))
            .ok()
    }

    pub(super) fn error(&mut self, nombre: &str, origen: &dyn fmt::Display, motivo: &str) {
        self.errores.push(format!("{nombre} ({origen}): {motivo}"));
    }

    pub(crate) fn raw(&self, nombre: &str) -> Option<&RawSetting> {
        self.crudos.iter().find(|c| c.ajuste.nombre == nombre)
    }

    fn default_value(&self, ajuste: &Setting) -> Option<String> {
        let texto = match ajuste.defecto {
            DefaultValue::Fijo(texto) => texto.to_owned(),
            DefaultValue::Ninguno(_) => return None,
            DefaultValue::EnDatos(prefijo, archivo) => {
                let datos = self
                    .raw("data_dir")
                    .and_then(|c| c.texto.as_deref())
                    .unwrap_or_default();
                format!("{prefijo}{}", Path::new(datos).join(archivo).display())
            }
        };
        (!texto.is_empty()).then_some(texto)
    }

    fn read_env(&mut self, variables: &[(OsString, OsString)]) -> Vec<RawSetting> {
        let mut crudos = vec![];
        for (nombre, texto) in variables {
            let nombre = nombre.to_string_lossy();
            let ajena = FOREIGN_VARS.contains(&&*nombre)
                || FOREIGN_PREFIXES.iter().any(|p| nombre.starts_with(p));
            if !nombre.starts_with("SIGRA_") || ajena {
                continue;
            }
            let Some(ajuste) = SETTINGS.iter().find(|a| a.variable == nombre) else {
                self.error(&nombre, &"variable de entorno", UNKNOWN_SETTING);
                continue;
            };
            let origen = ValueSource::Variable(ajuste.variable);
            match texto.to_str() {
                Some("") => crudos.push(RawSetting {
                    ajuste,
                    texto: None,
                    origen,
                }),
                Some(texto) => crudos.push(RawSetting {
                    ajuste,
                    texto: Some(texto.to_owned()),
                    origen,
                }),
                None => self.error(
                    ajuste.nombre,
                    &origen,
                    "no es texto UTF-8; escríbalo de nuevo",
                ),
            }
        }
        crudos
    }
}
