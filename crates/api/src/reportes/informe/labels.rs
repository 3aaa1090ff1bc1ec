//! What the document calls things: whoever holds it in their hands never saw the API.

use sigra_domain::{
    bitacora::Accion,
    reporte::{EstadoArchivo, EstadoDeAccion, SyncStatus},
};

pub fn accion(accion: Accion) -> &'static str {
    match accion {
        Accion::Crear => "Reporte creado",
        Accion::Editar => "Edición",
        Accion::CambiarEstado => "Cambio de estado",
        Accion::Retirar => "Retiro",
        Accion::Conflicto => "Conflicto",
        Accion::ResolverConflicto => "Conflicto resuelto",
        Accion::RecibirArchivo => "Archivo recibido",
        Accion::RenunciarArchivo => "Archivo que no vendrá",
        Accion::EliminarArchivo => "Archivo eliminado",
        Accion::Comentar => "Comentario",
        Accion::PedirAccion => "Acción pedida",
        Accion::MoverAccion => "Avance de una acción",
    }
}

pub fn archivo(estado: EstadoArchivo) -> &'static str {
    match estado {
        EstadoArchivo::Pendiente => "no ha llegado",
        EstadoArchivo::Subido => "recibido",
        EstadoArchivo::Renunciado => "no vendrá",
        EstadoArchivo::Eliminado => "eliminado",
    }
}

pub fn sync_status(estado: SyncStatus) -> &'static str {
    match estado {
        SyncStatus::Completo => "completo",
        SyncStatus::MultimediaPendiente => "faltan archivos",
        SyncStatus::Conflicto => "en conflicto",
    }
}

pub fn accion_estado(estado: EstadoDeAccion) -> &'static str {
    match estado {
        EstadoDeAccion::Abierta => "abierta",
        EstadoDeAccion::Hecha => "hecha, por verificar",
        EstadoDeAccion::Verificada => "verificada",
    }
}

/// A text that SIGRA wrote, with the fields in it as people say them.
pub fn label_fields(texto: &str) -> String {
    let separa = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    texto
        .split_inclusive(separa)
        .fold(String::new(), |dicho, trozo| {
            let palabra = trozo.trim_end_matches(separa);
            let rest = &trozo[palabra.len()..];
            dicho + &field(palabra) + rest
        })
}

/// A field of an entry; one that has no other name here keeps its own.
pub fn field(nombre: &str) -> String {
    let dicho = match nombre {
        "titulo" => "Título",
        "descripcion" => "Descripción",
        "area_id" => "Área",
        "severidad_id" => "Severidad",
        "estado_id" => "Estado",
        "ubicacion" => "Lugar",
        "multimedia" => "Archivos anunciados",
        "archivos" => "Archivos",
        "rut" => "Autor",
        "decidido_en" => "Decidido",
        "a_tiempo" => "A tiempo",
        "sync_status" => "Sincronización",
        "device_id" => "Teléfono",
        "fecha_reporte" => "Fecha del peligro",
        "hora_creado" => "Escrito en el teléfono",
        "hora_sincronizado" => "Recibido en el servidor",
        "sha256_contenido" => "SHA-256 del contenido",
        "retirado" => "Retirado",
        "comentarios" => "Comentarios",
        otro => match otro.strip_prefix("accion_") {
            Some(n) => return format!("Acción {n}"),
            None => otro,
        },
    };
    dicho.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sigra_wrote_is_said_as_people_say_it() {
        for (texto, dicho) in [
            ("titulo, severidad_id", "Título, Severidad"),
            (
                "conflicto 7: mezcla (area_id: cliente)",
                "conflicto 7: mezcla (Área: cliente)",
            ),
            ("accion_3", "Acción 3"),
            ("", ""),
        ] {
            assert_eq!(label_fields(texto), dicho);
        }
    }
}
