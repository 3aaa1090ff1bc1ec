//! `sigra.toml`: found, read, and turned into raw values that remember their line.

use std::{fs, io::ErrorKind, path::Path};

use toml::de::{DeTable, DeValue};

use super::{
    settings::SETTINGS,
    sources::{ParsedSettings, RawSetting, SettingSources, UNKNOWN_SETTING, ValueSource},
    value::ValueKind,
};

impl ParsedSettings {
    /// What the file sets: the one of `--config`, else `sigra.toml` here or in `data_dir`. Where
    /// `data_dir` is can only be known from the environment by now.
    pub(super) fn read_file(
        &mut self,
        fuentes: &SettingSources,
        del_entorno: &[RawSetting],
    ) -> Vec<RawSetting> {
        let candidatos = if let Some(archivo) = &fuentes.archivo {
            vec![archivo.clone()]
        } else {
            let datos = del_entorno.iter().find(|c| c.ajuste.nombre == "data_dir");
            let datos = datos.and_then(|c| c.texto.as_deref()).unwrap_or("./data");
            vec!["sigra.toml".into(), Path::new(datos).join("sigra.toml")]
        };
        for archivo in candidatos {
            match fs::read_to_string(fuentes.directorio.join(&archivo)) {
                Ok(texto) => {
                    self.archivo = Some(archivo.clone());
                    return self.parse_toml(&archivo, &texto);
                }
                Err(e) if e.kind() == ErrorKind::NotFound && fuentes.archivo.is_none() => {}
                Err(e) => {
                    let motivo = match e.kind() {
                        ErrorKind::NotFound => {
                            "no existe; revise la ruta dada con --config".to_owned()
                        }
                        ErrorKind::PermissionDenied => {
                            "no hay permiso para leerlo; déselo al usuario que ejecuta sigra"
                                .to_owned()
                        }
                        ErrorKind::InvalidData => {
                            "no es texto UTF-8; guárdelo como UTF-8".to_owned()
                        }
                        _ => format!("no se puede leer ({e})"),
                    };
                    self.archivo_ilegible = true;
                    self.error(
                        &archivo.display().to_string(),
                        &"archivo de configuración",
                        &motivo,
                    );
                    return vec![];
                }
            }
        }
        vec![]
    }

    fn parse_toml(&mut self, archivo: &Path, texto: &str) -> Vec<RawSetting> {
        let linea = |inicio: usize| 1 + texto.bytes().take(inicio).filter(|b| *b == b'\n').count();
        // The parser's own message is English and may quote the line, where a password can stand.
        let tabla = match DeTable::parse(texto) {
            Ok(tabla) => tabla.into_inner(),
            Err(e) => {
                let origen = ValueSource::Archivo(
                    archivo.to_owned(),
                    linea(e.span().map_or(0, |s| s.start)),
                );
                self.archivo_ilegible = true;
                self.errores.push(format!(
                    "{origen}: no es TOML válido; escriba cada ajuste como nombre = \"valor\", una sola vez"
                ));
                return vec![];
            }
        };
        let mut entradas: Vec<_> = tabla.into_iter().collect();
        entradas.sort_by_key(|(nombre, _)| nombre.span().start);
        let mut crudos = vec![];
        for (nombre, valor) in entradas {
            let origen = ValueSource::Archivo(archivo.to_owned(), linea(nombre.span().start));
            let nombre = nombre.into_inner();
            let Some(ajuste) = SETTINGS.iter().find(|a| a.nombre == nombre) else {
                self.error(&nombre, &origen, UNKNOWN_SETTING);
                continue;
            };
            match value_text(ajuste.clase, valor.get_ref()) {
                Ok(texto) => {
                    let texto = (!texto.is_empty()).then_some(texto);
                    crudos.push(RawSetting {
                        ajuste,
                        texto,
                        origen,
                    });
                }
                Err(motivo) => self.error(ajuste.nombre, &origen, motivo),
            }
        }
        crudos
    }
}

/// The value as the variable would have it, or what it must be.
fn value_text(clase: ValueKind, valor: &DeValue<'_>) -> Result<String, &'static str> {
    match (clase, valor) {
        (ValueKind::Texto | ValueKind::TextoONumero, DeValue::String(s)) => Ok(s.to_string()),
        (ValueKind::TextoONumero | ValueKind::Entero, DeValue::Integer(n)) => Ok(n.to_string()),
        (ValueKind::Logico, DeValue::Boolean(b)) => Ok(b.to_string()),
        (ValueKind::Lista, DeValue::Array(partes)) => {
            let partes: Option<Vec<&str>> = partes.iter().map(|p| p.get_ref().as_str()).collect();
            partes
                .map(|p| p.join(","))
                .ok_or("cada elemento de la lista debe ir entre comillas")
        }
        (ValueKind::Texto | ValueKind::TextoONumero, _) => Err("debe ser un texto entre comillas"),
        (ValueKind::Entero, _) => Err("debe ser un número entero, sin comillas"),
        (ValueKind::Logico, _) => Err("debe ser true o false, sin comillas"),
        (ValueKind::Lista, _) => {
            Err("debe ser una lista como [\"10.0.0.2\"], o [] si no hay ninguno")
        }
    }
}
