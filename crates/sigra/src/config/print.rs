//! The configuration as a `sigra.toml` that explains itself.

use toml::Value;

use super::{
    settings::{DefaultValue, SETTINGS},
    sources::RawSettings,
    value::ValueKind,
};

pub(super) fn print(raw: &RawSettings) -> String {
    let file = raw.file.as_ref().map_or_else(
        || "No se leyó ningún archivo".to_owned(),
        |file| format!("Archivo leído: {}", file.display()),
    );
    let mut text = format!(
        "# Configuración de SIGRA (sigra.toml). {file}.\n\
         # Cada ajuste tiene también una variable de entorno, que vale más que este archivo.\n"
    );
    for setting in SETTINGS {
        let (value, source) = raw.get(setting.name);
        // A setting without a value is a comment with an example.
        let (mark, value) = match setting.default {
            DefaultValue::Unset(example) if value.is_empty() => ("# ", example.to_owned()),
            _ if value.is_empty() => ("", String::new()),
            _ => ("", (setting.visible)(value)),
        };
        text.push('\n');
        text.extend(
            setting
                .doc
                .iter()
                .map(|line| format!("# {}\n", line.trim())),
        );
        let value = to_toml(setting.kind, &value);
        text.extend([
            format!("# Variable: {}. Origen: {source}.\n", setting.variable),
            format!("{mark}{} = {value}\n", setting.name),
        ]);
    }
    text
}

fn to_toml(kind: ValueKind, text: &str) -> String {
    match kind {
        // Already checked to be what TOML writes.
        ValueKind::Integer | ValueKind::Bool => text.to_owned(),
        ValueKind::Text | ValueKind::TextOrNumber => Value::from(text).to_string(),
        ValueKind::List => {
            let parts = text.split(',').map(str::trim).filter(|p| !p.is_empty());
            Value::Array(parts.map(Value::from).collect()).to_string()
        }
    }
}
