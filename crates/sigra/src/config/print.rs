//! The configuration as a `sigra.toml` that explains itself.

use toml::Value;

use super::{
    settings::{DefaultValue, Setting},
    sources::ParsedSettings,
    value::ValueKind,
};

pub(super) fn print(lectura: &ParsedSettings) -> String {
    let archivo = lectura.archivo.as_ref().map_or_else(
        || "No se leyó ningún archivo".to_owned(),
        |a| format!("Archivo leído: {}", a.display()),
    );
    let mut lineas = vec![
        format!("# Configuración de SIGRA (sigra.toml). {archivo}."),
        "# Cada ajuste tiene también una variable de entorno, que vale más que este archivo."
            .into(),
    ];
    for crudo in &lectura.crudos {
        let ajuste = crudo.ajuste;
        lineas.push(String::new());
        lineas.extend(ajuste.doc.iter().map(|linea| format!("# {}", linea.trim())));
        lineas.push(format!(
            "# Variable: {}. Origen: {}.",
            ajuste.variable, crudo.origen
        ));
        lineas.push(line(ajuste, crudo.texto.as_deref()));
    }
    lineas.join("\n") + "\n"
}

/// `nombre = valor`; a setting without a value is a comment with an example.
fn line(ajuste: &Setting, texto: Option<&str>) -> String {
    match (texto, ajuste.defecto) {
        (Some(texto), _) => {
            format!(
                "{} = {}",
                ajuste.nombre,
                format_value(ajuste.clase, &(ajuste.visible)(texto))
            )
        }
        (None, DefaultValue::Ninguno(ejemplo)) => {
            format!(
                "# {} = {}",
                ajuste.nombre,
                format_value(ajuste.clase, ejemplo)
            )
        }
        (None, _) => format!("{} = {}", ajuste.nombre, format_value(ajuste.clase, "")),
    }
}

fn format_value(clase: ValueKind, texto: &str) -> String {
    match clase {
        // Already checked to be what TOML writes.
        ValueKind::Entero | ValueKind::Logico => texto.to_owned(),
        ValueKind::Texto | ValueKind::TextoONumero => Value::from(texto).to_string(),
        ValueKind::Lista => {
            let partes = texto.split(',').map(str::trim).filter(|p| !p.is_empty());
            Value::Array(partes.map(Value::from).collect()).to_string()
        }
    }
}
