//! The operations with a body: one that each takes, its fields, and what it answers.

use super::valores::Clase;
use crate::entregas::webhooks::EVENTOS;

/// A field: name, kind, whether it must be there and not be null.
pub type Campo = (&'static str, Clase, bool);

pub struct Operacion {
    pub metodo: &'static str,
    pub ruta: &'static str,
    pub cuerpo: &'static str,
    pub campos: &'static [Campo],
    /// What it answers when nothing is wrong with the fields.
    pub bien: &'static [u16],
}

const TITULO: Clase = Clase::Texto(1, 255, false);
const DESCRIPCION: Clase = Clase::Texto(0, 10_000, true);
const DETALLE: Clase = Clase::Texto(1, 2_000, true);
const NOMBRE: Clase = Clase::Texto(1, 80, false);
const DE_CATALOGO: Clase = Clase::Texto(1, 100, false);

const REPORTE: &[Campo] = &[
    ("titulo", TITULO, true),
    ("descripcion", DESCRIPCION, true),
    ("area_id", Clase::Id, true),
    ("severidad_id", Clase::Id, true),
    ("uuid_cliente", Clase::Uuid, true),
    ("fecha_reporte", Clase::Fecha, false),
    ("hora_creado", Clase::Hora, false),
    ("device_id", Clase::Dispositivo, false),
    ("ubicacion", Clase::Ubicacion, false),
    ("multimedia", Clase::Manifiesto, false),
    ("version_base", Clase::VersionBase, false),
    ("sha256_base", Clase::Sha256, false),
];
const EDICION: &[Campo] = &[
    ("titulo", TITULO, false),
    ("descripcion", DESCRIPCION, false),
    ("area_id", Clase::Id, false),
    ("severidad_id", Clase::Id, false),
    ("estado_id", Clase::Id, false),
    ("ubicacion", Clase::Ubicacion, false),
    ("detalle", DETALLE, false),
    ("version", Clase::Version, false),
];
const APROBACION: &[Campo] = &[
    ("detalle", DETALLE, false),
    ("version", Clase::Version, false),
];
/// Of a rejection and of a withdrawal.
const CON_DETALLE: &[Campo] = &[
    ("detalle", DETALLE, true),
    ("version", Clase::Version, false),
];
const RENUNCIA: &[Campo] = &[("detalle", DETALLE, true)];
const PERSONA: &[Campo] = &[
    ("rut", Clase::Rut, true),
    ("nombre", NOMBRE, true),
    ("apellido_1", NOMBRE, true),
    ("apellido_2", NOMBRE, false),
    ("rol", Clase::Rol, true),
    ("areas", Clase::Areas, false),
    ("email", Clase::Email, false),
];
const CAMBIO_DE_PERSONA: &[Campo] = &[
    ("nombre", NOMBRE, false),
    ("apellido_1", NOMBRE, false),
    ("apellido_2", NOMBRE, false),
    ("rol", Clase::Rol, false),
    ("areas", Clase::Areas, false),
    ("email", Clase::Email, false),
    ("activo", Clase::Logico, false),
];
const AREA: &[Campo] = &[("nombre", DE_CATALOGO, true)];
const CAMBIO_DE_AREA: &[Campo] = &[
    ("nombre", DE_CATALOGO, false),
    ("activa", Clase::Logico, false),
];
const SEVERIDAD: &[Campo] = &[
    ("nombre", DE_CATALOGO, true),
    ("meta_horas", Clase::Horas, false),
    ("urgente", Clase::Logico, false),
];
const CAMBIO_DE_SEVERIDAD: &[Campo] = &[
    ("nombre", DE_CATALOGO, false),
    ("activa", Clase::Logico, false),
    ("meta_horas", Clase::Horas, false),
    ("urgente", Clase::Logico, false),
];
const ESTADO: &[Campo] = &[
    ("nombre", DE_CATALOGO, true),
    ("final", Clase::Logico, true),
];
const CAMBIO_DE_ESTADO: &[Campo] = &[("nombre", DE_CATALOGO, false)];
const TRANSICION: &[Campo] = &[("roles", ROLES, true)];
const ROLES: Clase = Clase::Nombres(&["administrador", "supervisor", "trabajador"], 1);
const DE_WEBHOOK: Clase = Clase::Nombres(&EVENTOS, 1);
const DE_AVISO: Clase = Clase::Nombres(
    &[
        "reporte.creado",
        "reporte.trasladado",
        "reporte.decidido",
        "reporte.cambiado",
        "conflicto.creado",
        "reporte.comentado",
        "reporte.sin_abrir",
        "reporte.sin_archivos",
        "dispositivo.silencioso",
        "accion.pedida",
        "accion.hecha",
        "accion.verificada",
        "accion.vencida",
    ],
    0,
);
const PREFERENCIAS: &[Campo] = &[
    ("idioma", Clase::Idioma, true),
    ("correo", Clase::Logico, true),
    ("push", Clase::Logico, true),
    ("silenciados", DE_AVISO, true),
];
const SUSCRIPCION: &[Campo] = &[
    ("endpoint", Clase::Url, true),
    ("keys", Clase::ClavesPush, true),
];
const WEBHOOK: &[Campo] = &[
    ("url", Clase::Url, true),
    ("eventos", DE_WEBHOOK, true),
    ("descripcion", Clase::Texto(0, 200, false), false),
];
const CAMBIO_DE_WEBHOOK: &[Campo] = &[
    ("url", Clase::Url, false),
    ("eventos", DE_WEBHOOK, false),
    ("descripcion", Clase::Texto(0, 200, false), false),
    ("activo", Clase::Logico, false),
];
const LOGIN: &[Campo] = &[
    ("rut", Clase::Rut, true),
    ("password", Clase::Libre, true),
    ("device_id", Clase::Dispositivo, false),
];
const REFRESH: &[Campo] = &[("refresh_token", Clase::Libre, true)];
const PASSWORD: &[Campo] = &[
    ("password", Clase::Libre, true),
    ("new_password", Clase::Clave, true),
];

const LOTE: &[Campo] = &[
    ("device_id", Clase::Dispositivo, true),
    ("timestamp", Clase::Reloj, true),
    ("app_version", Clase::Texto(1, 64, false), false),
    ("pendientes", Clase::Cuantos, false),
    ("reportes", Clase::Lote, true),
];
const RECONCILIACION: &[Campo] = &[
    ("device_id", Clase::Dispositivo, true),
    ("reportes", Clase::Tenidos, true),
];
const RESOLUCION: &[Campo] = &[
    ("decision", Clase::Decision, true),
    ("version", Clase::Version, false),
    ("campos", Clase::Lados, false),
];

const DECISION: &str = r#"{"detalle": "Así es.", "version": 1}"#;
const NUEVO: &str = r#"{"titulo": "Roca", "descripcion": "Suelta.", "area_id": 1, "severidad_id": 3,
    "uuid_cliente": ""}"#;
const ROSA: &str = r#"{"rut": 1, "nombre": "Rosa", "apellido_1": "Díaz", "rol": "trabajador"}"#;
const PREFIERE: &str = r#"{"idioma": "es", "correo": true, "push": true, "silenciados": []}"#;
const SUSCRIBE: &str = r#"{"endpoint": "https://push.example/x", "keys": {"auth": "BTBZMqHH6r4Tts7J_aSIgg", "p256dh":
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"}}"#;
const AVISA: &str = r#"{"url": "https://gestion.example/x", "eventos": ["reporte.creado"]}"#;
const ENTRADA: &str = r#"{"rut": 12345678, "password": "no es"}"#;
const OTRA_CLAVE: &str = r#"{"password": "no es", "new_password": "roca firme 42"}"#;
const VACIO: &str =
    r#"{"device_id": "moto-1", "timestamp": "2026-03-01T18:40:00-03:00", "reportes": []}"#;
/// Of the conflict about the title that the tests open.
const RESUELVE: &str = r#"{"decision": "mezcla", "version": 3, "campos": {"titulo": "cliente"}}"#;

const fn op(
    metodo: &'static str,
    ruta: &'static str,
    cuerpo: &'static str,
    campos: &'static [Campo],
    bien: &'static [u16],
) -> Operacion {
    Operacion {
        metodo,
        ruta,
        cuerpo,
        campos,
        bien,
    }
}

/// As the description names them.
pub const TODAS: &[Operacion] = &[
    op("POST", "/reportes", NUEVO, REPORTE, &[201]),
    op(
        "PUT",
        "/reportes/{id}",
        r#"{"titulo": "Otro", "version": 1}"#,
        EDICION,
        &[200],
    ),
    op(
        "POST",
        "/reportes/{id}/comentarios",
        r#"{"texto": "¿Dónde?"}"#,
        &[("texto", DETALLE, true)],
        &[201],
    ),
    // Its report is not approved, or has no such action.
    op(
        "POST",
        "/reportes/{id}/acciones",
        r#"{"descripcion": "Acuñar.", "responsable_rut": 11111111, "plazo": "2030-01-01"}"#,
        &[
            ("descripcion", DETALLE, true),
            ("responsable_rut", Clase::Rut, true),
            ("plazo", Clase::Plazo, true),
        ],
        &[409],
    ),
    op(
        "PATCH",
        "/reportes/{id}/acciones/{n}",
        r#"{"estado": "hecha"}"#,
        &[
            ("estado", Clase::EstadoDeAccion, true),
            ("detalle", DETALLE, false),
        ],
        &[404],
    ),
    op("DELETE", "/reportes/{id}", DECISION, CON_DETALLE, &[204]),
    op(
        "POST",
        "/admin/reportes/{id}/aprobar",
        DECISION,
        APROBACION,
        &[200],
    ),
    op(
        "POST",
        "/admin/reportes/{id}/rechazar",
        DECISION,
        CON_DETALLE,
        &[200],
    ),
    op(
        "DELETE",
        "/multimedia/{id}",
        r#"{"detalle": "Se perdió."}"#,
        RENUNCIA,
        &[204],
    ),
    op("POST", "/usuarios", ROSA, PERSONA, &[201]),
    op("PATCH", "/usuarios/{rut}", "{}", CAMBIO_DE_PERSONA, &[200]),
    // A name that was given before is taken.
    op(
        "POST",
        "/catalogos/areas",
        r#"{"nombre": "x"}"#,
        AREA,
        &[201, 409],
    ),
    op(
        "POST",
        "/catalogos/severidades",
        r#"{"nombre": "x"}"#,
        SEVERIDAD,
        &[201, 409],
    ),
    op(
        "PATCH",
        "/catalogos/areas/{id}",
        "{}",
        CAMBIO_DE_AREA,
        &[200, 409],
    ),
    op(
        "PATCH",
        "/catalogos/severidades/{id}",
        "{}",
        CAMBIO_DE_SEVERIDAD,
        &[200, 409],
    ),
    op(
        "POST",
        "/catalogos/estados",
        r#"{"nombre": "x", "final": false}"#,
        ESTADO,
        &[201, 409],
    ),
    op(
        "PATCH",
        "/catalogos/estados/{id}",
        "{}",
        CAMBIO_DE_ESTADO,
        &[200, 409],
    ),
    op(
        "PUT",
        "/catalogos/transiciones/{desde}/{hacia}",
        r#"{"roles": ["supervisor"]}"#,
        TRANSICION,
        &[200],
    ),
    op("POST", "/auth/login", ENTRADA, LOGIN, &[401, 429]),
    op(
        "POST",
        "/auth/refresh",
        r#"{"refresh_token": "no"}"#,
        REFRESH,
        &[401],
    ),
    op(
        "POST",
        "/auth/cambiar-password",
        OTRA_CLAVE,
        PASSWORD,
        &[401, 429],
    ),
    op(
        "POST",
        "/notificaciones/leidas",
        r#"{"hasta": 1}"#,
        &[("hasta", Clase::Entero, true)],
        &[200],
    ),
    op(
        "PUT",
        "/notificaciones/preferencias",
        PREFIERE,
        PREFERENCIAS,
        &[200],
    ),
    op(
        "POST",
        "/notificaciones/push",
        SUSCRIBE,
        SUSCRIPCION,
        &[201],
    ),
    // Twenty, and then no more.
    op("POST", "/admin/webhooks", AVISA, WEBHOOK, &[201, 409]),
    // There is one of that id when enough were made before.
    op(
        "PATCH",
        "/admin/webhooks/{id}",
        "{}",
        CAMBIO_DE_WEBHOOK,
        &[200, 404],
    ),
    op("POST", "/sync/batch", VACIO, LOTE, &[200]),
    op(
        "POST",
        "/sync/reconciliar",
        r#"{"device_id": "moto-1", "reportes": []}"#,
        RECONCILIACION,
        &[200],
    ),
    op(
        "POST",
        "/sync/conflictos/{id}/resolver",
        RESUELVE,
        RESOLUCION,
        &[200],
    ),
];
