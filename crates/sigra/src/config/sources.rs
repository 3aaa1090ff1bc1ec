//! Where settings come from: the environment, `sigra.toml`, defaults; the earlier one wins.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

use super::{
    settings::{SETTINGS, Setting},
    value::Parsed,
};

/// Variables that are no settings: they steer tests and the demo, or Kubernetes sets them in every
/// container beside a Service named `sigra`.
const FOREIGN_VARS: [&str; 3] = ["SIGRA_SOAK", "SIGRA_ACTUALIZAR", "SIGRA_PG_FAST"];
const FOREIGN_PREFIXES: [&str; 4] = ["SIGRA_TEST_", "SIGRA_DEMO_", "SIGRA_PORT", "SIGRA_SERVICE_"];

/// Why a name that is no setting is refused: a mistyped one would silently have no effect.
const UNKNOWN: &str = "no es un ajuste de SIGRA; quítelo o revise su nombre \
                       (`sigra config print` los muestra todos)";

/// What is asked for settings.
#[derive(Debug)]
pub(crate) struct SettingSources {
    /// The file of `--config`; without it one is looked for.
    pub(crate) file: Option<PathBuf>,
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// What relative names of the file start from; the process's own directory unless a test says.
    pub(crate) dir: PathBuf,
}

impl SettingSources {
    pub(crate) fn from_process(file: Option<PathBuf>) -> Self {
        Self {
            file,
            variables: std::env::vars_os().collect(),
            dir: PathBuf::new(),
        }
    }
}

/// What was found, before the types have judged it, and what was wrong.
#[derive(Debug, Default)]
pub(crate) struct RawSettings {
    pub(super) file: Option<PathBuf>,
    /// The file could not be used, so that what it sets is unknown.
    pub(super) file_unusable: bool,
    /// By name: the text, empty if the setting has no value, and where it came from.
    values: BTreeMap<&'static str, (String, String)>,
    /// One line each: the setting, where it came from, why.
    pub(super) errors: Vec<String>,
}

impl RawSettings {
    pub(super) fn read(sources: &SettingSources) -> Self {
        let mut raw = Self::default();
        raw.read_variables(&sources.variables);
        raw.read_file(sources);
        for setting in SETTINGS {
            let data_dir = raw.get("data_dir").0.trim_end_matches('/');
            let text = setting.default.replace("{data_dir}", data_dir);
            raw.put(setting, "valor por defecto", Ok(text));
        }
        raw
    }

    /// The text of a setting and where it came from.
    pub(super) fn get(&self, name: &str) -> (&str, &str) {
        let value = self.values.get(name);
        value.map_or(("", ""), |(text, source)| (text, source))
    }

    /// What `parse` makes of a setting.
    pub(super) fn value<T>(&mut self, name: &str, parse: impl Fn(&str) -> Parsed<T>) -> Option<T> {
        let value = parse(self.get(name).0);
        value.map_err(|why| self.refuse(name, &why)).ok()
    }

    /// Notes that the value of a setting is wrong.
    pub(super) fn refuse(&mut self, name: &str, why: &str) {
        let source = self.get(name).1.to_owned();
        self.error(name, &source, why);
    }

    fn error(&mut self, name: &str, source: &str, why: &str) {
        self.errors.push(format!("{name} ({source}): {why}"));
    }

    /// Takes what a source says of a setting, unless one before it said something.
    fn put(&mut self, setting: &Setting, source: &str, text: Result<String, &str>) {
        match text {
            Ok(text) if text.is_empty() && !setting.default.is_empty() => {
                let why = "no puede quedar vacío; quítelo o dele un valor";
                self.error(setting.name, source, why);
            }
            Ok(text) => {
                let value = || (text, source.to_owned());
                self.values.entry(setting.name).or_insert_with(value);
            }
            Err(why) => self.error(setting.name, source, why),
        }
    }

    fn read_variables(&mut self, variables: &[(OsString, OsString)]) {
        for (variable, text) in variables {
            let variable = variable.to_string_lossy();
            let foreign = FOREIGN_VARS.contains(&&*variable)
                || FOREIGN_PREFIXES.iter().any(|p| variable.starts_with(p));
            if !variable.starts_with("SIGRA_") || foreign {
                continue;
            }
            match SETTINGS.iter().find(|s| s.variable() == variable) {
                Some(setting) => {
                    let text = text.to_str().map(str::to_owned);
                    let text = text.ok_or("no es texto UTF-8; escríbalo de nuevo");
                    self.put(setting, &format!("variable {variable}"), text);
                }
                None => self.error(&variable, "variable de entorno", UNKNOWN),
            }
        }
    }

    /// The file of `--config`, else `sigra.toml` here or in `data_dir`. Where `data_dir` is can only
    /// be known from the environment by now.
    fn read_file(&mut self, sources: &SettingSources) {
        let candidates = match (&sources.file, self.get("data_dir").0) {
            (Some(file), _) => vec![file.clone()],
            (None, "") => vec!["sigra.toml".into(), "./data/sigra.toml".into()],
            (None, dir) => vec!["sigra.toml".into(), Path::new(dir).join("sigra.toml")],
        };
        for file in candidates {
            let name = file.display().to_string();
            let why = match fs::read_to_string(sources.dir.join(&file)) {
                Ok(text) => {
                    self.file = Some(file);
                    return self.read_toml(&name, &text);
                }
                Err(e) => match e.kind() {
                    ErrorKind::NotFound if sources.file.is_none() => continue,
                    ErrorKind::NotFound => "no existe; revise la ruta dada con --config".to_owned(),
                    ErrorKind::PermissionDenied => {
                        "no hay permiso para leerlo; déselo al usuario que ejecuta sigra".to_owned()
                    }
                    ErrorKind::InvalidData => "no es texto UTF-8; guárdelo como UTF-8".to_owned(),
                    _ => format!("no se puede leer ({e})"),
                },
            };
            self.file_unusable = true;
            return self.error(&name, "archivo de configuración", &why);
        }
    }

    fn read_toml(&mut self, file: &str, text: &str) {
        let place = |start: usize| {
            let line = 1 + text.bytes().take(start).filter(|b| *b == b'\n').count();
            format!("{file}, línea {line}")
        };
        let mut entries: Vec<_> = match DeTable::parse(text) {
            Ok(table) => table.into_inner().into_iter().collect(),
            // The parser's own message is English and may quote the line, where a password can stand.
            Err(e) => {
                let place = place(e.span().map_or(0, |s| s.start));
                let why =
                    "no es TOML válido; escriba cada ajuste como nombre = \"valor\", una sola vez";
                self.file_unusable = true;
                return self.errors.push(format!("{place}: {why}"));
            }
        };
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let source = place(name.span().start);
            match SETTINGS.iter().find(|s| s.name == name.get_ref()) {
                Some(setting) => self.put(setting, &source, setting.kind.to_text(value.get_ref())),
                None => self.error(name.get_ref(), &source, UNKNOWN),
            }
        }
    }
}
