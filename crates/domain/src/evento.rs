//! What happens that other systems may be told of, and what they are told.

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::Instante;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evento {
    ReporteCreado,
    ReporteCambiado,
    /// It came into a final state.
    ReporteDecidido,
    /// The last of its files came.
    ReporteCompleto,
    /// What a phone sent waits for its author's choice.
    ConflictoCreado,
    /// A phone has not been heard of.
    DispositivoSilencioso,
}

impl Evento {
    pub const ALL: [Self; 6] = [
        Self::ReporteCreado,
        Self::ReporteCambiado,
        Self::ReporteDecidido,
        Self::ReporteCompleto,
        Self::ConflictoCreado,
        Self::DispositivoSilencioso,
    ];

    /// As other systems and the database know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReporteCreado => "reporte.creado",
            Self::ReporteCambiado => "reporte.cambiado",
            Self::ReporteDecidido => "reporte.decidido",
            Self::ReporteCompleto => "reporte.completo",
            Self::ConflictoCreado => "conflicto.creado",
            Self::DispositivoSilencioso => "dispositivo.silencioso",
        }
    }

    pub fn from_name(nombre: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name() == nombre)
    }
}

impl Serialize for Evento {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

/// What an event is about: which one and where it stands, and no persons. Whoever may know more asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventSubject<'a> {
    Reporte {
        id: i64,
        uuid_cliente: &'a str,
        version: i64,
        titulo: &'a str,
        area: CatalogoRef<'a>,
        severidad: CatalogoRef<'a>,
        estado: CatalogoRef<'a>,
        retirado: bool,
    },
    Dispositivo {
        device_id: &'a str,
        last_sync: Instante,
        /// Reports that it said to have still.
        pendientes: i64,
    },
}

/// One of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogoRef<'a> {
    pub id: i64,
    pub nombre: &'a str,
}

/// The body of a webhook, as JSON.
pub fn webhook_body(evento: Evento, en: Instante, sujeto: &EventSubject<'_>) -> String {
    let data = match *sujeto {
        EventSubject::Reporte {
            id,
            uuid_cliente,
            version,
            titulo,
            area,
            severidad,
            estado,
            retirado,
        } => json!({
            "reporte_id": id,
            "uuid_cliente": uuid_cliente,
            "version": version,
            "titulo": titulo,
            "area": area,
            "severidad": severidad,
            "estado": estado,
            "retirado": retirado,
            "url": format!("/reportes/{id}"),
        }),
        EventSubject::Dispositivo {
            device_id,
            last_sync,
            pendientes,
        } => json!({
            "device_id": device_id,
            "last_sync": last_sync.to_string(),
            "pendientes": pendientes,
        }),
    };
    json!({"type": evento, "timestamp": en.to_string(), "data": data}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EN: Instante = Instante(1_772_400_000_117);
    const REPORTE: EventSubject<'_> = EventSubject::Reporte {
        id: 17,
        uuid_cliente: "0190-a",
        version: 2,
        titulo: "Roca \"suelta\" en galería 4",
        area: CatalogoRef {
            id: 3,
            nombre: "Chancado y Molienda",
        },
        severidad: CatalogoRef {
            id: 4,
            nombre: "Alta",
        },
        estado: CatalogoRef {
            id: 2,
            nombre: "Aprobado",
        },
        retirado: false,
    };
    const DISPOSITIVO: EventSubject<'_> = EventSubject::Dispositivo {
        device_id: "moto-7",
        last_sync: Instante(1_772_300_000_000),
        pendientes: 4,
    };

    #[test]
    fn names_are_read_back_and_nothing_else_is_one() {
        for evento in Evento::ALL {
            assert_eq!(Evento::from_name(evento.name()), Some(evento));
            assert_eq!(json!(evento), evento.name());
        }
        for otro in ["", "reporte", "reporte.trasladado", "Reporte.creado"] {
            assert_eq!(Evento::from_name(otro), None, "{otro}");
        }
    }

    #[test]
    fn webhook_bodies() {
        let reporte = |evento: &str| {
            format!(
                r#"{{"data":{{"area":{{"id":3,"nombre":"Chancado y Molienda"}},"estado":{{"id":2,"nombre":"Aprobado"}},"reporte_id":17,"retirado":false,"severidad":{{"id":4,"nombre":"Alta"}},"titulo":"Roca \"suelta\" en galería 4","url":"/reportes/17","uuid_cliente":"0190-a","version":2}},"timestamp":"2026-03-01T21:20:00.117Z","type":"{evento}"}}"#
            )
        };
        let table = [
            (
                Evento::ReporteCreado,
                &REPORTE,
                reporte("reporte.creado"),
            ),
            (
                Evento::ReporteDecidido,
                &REPORTE,
                reporte("reporte.decidido"),
            ),
            (
                Evento::DispositivoSilencioso,
                &DISPOSITIVO,
                r#"{"data":{"device_id":"moto-7","last_sync":"2026-02-28T17:33:20.000Z","pendientes":4},"timestamp":"2026-03-01T21:20:00.117Z","type":"dispositivo.silencioso"}"#.to_owned(),
            ),
        ];
        for (evento, sujeto, cuerpo) in table {
            assert_eq!(webhook_body(evento, EN, sujeto), cuerpo);
        }
    }
}
