//! The operations with a body: one that each takes, its fields, and what it answers.

use super::values::FieldKind;
use crate::delivery::webhooks::EVENTS;

/// A field: name, kind, whether it must be there and not be null.
pub type FieldSpec = (&'static str, FieldKind, bool);

pub struct Operation {
    pub metodo: &'static str,
    pub ruta: &'static str,
    pub cuerpo: &'static str,
    pub campos: &'static [FieldSpec],
    /// What it answers when nothing is wrong with the fields.
    pub bien: &'static [u16],
}

const TITULO: FieldKind = FieldKind::Texto(1, 255, false);
const DESCRIPCION: FieldKind = FieldKind::Texto(0, 10_000, true);
const DETALLE: FieldKind = FieldKind::Texto(1, 2_000, true);
const NOMBRE: FieldKind = FieldKind::Texto(1, 80, false);
const CATALOGO_NAME: FieldKind = FieldKind::Texto(1, 100, false);

const REPORTE: &[FieldSpec] = &[
    ("titulo", TITULO, true),
    ("descripcion", DESCRIPCION, true),
    ("area_id", FieldKind::Id, true),
    ("severidad_id", FieldKind::Id, true),
    ("uuid_cliente", FieldKind::Uuid, true),
    ("fecha_reporte", FieldKind::Fecha, false),
    ("hora_creado", FieldKind::Hora, false),
    ("device_id", FieldKind::Dispositivo, false),
    ("ubicacion", FieldKind::Ubicacion, false),
    ("multimedia", FieldKind::Manifiesto, false),
    ("version_base", FieldKind::VersionBase, false),
    ("sha256_base", FieldKind::Sha256, false),
];
const EDIT: &[FieldSpec] = &[
    ("titulo", TITULO, false),
    ("descripcion", DESCRIPCION, false),
    ("area_id", FieldKind::Id, false),
    ("severidad_id", FieldKind::Id, false),
    ("estado_id", FieldKind::Id, false),
    ("ubicacion", FieldKind::Ubicacion, false),
    ("detalle", DETALLE, false),
    ("version", FieldKind::Version, false),
];
const APPROVAL: &[FieldSpec] = &[
    ("detalle", DETALLE, false),
    ("version", FieldKind::Version, false),
];
/// Of a rejection and of a withdrawal.
const DETALLE_REQUIRED: &[FieldSpec] = &[
    ("detalle", DETALLE, true),
    ("version", FieldKind::Version, false),
];
const FILE_WAIVER: &[FieldSpec] = &[("detalle", DETALLE, true)];
const PERSONA: &[FieldSpec] = &[
    ("rut", FieldKind::Rut, true),
    ("nombre", NOMBRE, true),
    ("apellido_1", NOMBRE, true),
    ("apellido_2", NOMBRE, false),
    ("rol", FieldKind::Rol, true),
    ("areas", FieldKind::Areas, false),
    ("email", FieldKind::Email, false),
];
const PERSONA_CHANGE: &[FieldSpec] = &[
    ("nombre", NOMBRE, false),
    ("apellido_1", NOMBRE, false),
    ("apellido_2", NOMBRE, false),
    ("rol", FieldKind::Rol, false),
    ("areas", FieldKind::Areas, false),
    ("email", FieldKind::Email, false),
    ("activo", FieldKind::Logico, false),
];
const AREA: &[FieldSpec] = &[("nombre", CATALOGO_NAME, true)];
const AREA_CHANGE: &[FieldSpec] = &[
    ("nombre", CATALOGO_NAME, false),
    ("activa", FieldKind::Logico, false),
];
const SEVERIDAD: &[FieldSpec] = &[
    ("nombre", CATALOGO_NAME, true),
    ("meta_horas", FieldKind::Horas, false),
    ("urgente", FieldKind::Logico, false),
];
const SEVERIDAD_CHANGE: &[FieldSpec] = &[
    ("nombre", CATALOGO_NAME, false),
    ("activa", FieldKind::Logico, false),
    ("meta_horas", FieldKind::Horas, false),
    ("urgente", FieldKind::Logico, false),
];
const ESTADO: &[FieldSpec] = &[
    ("nombre", CATALOGO_NAME, true),
    ("final", FieldKind::Logico, true),
];
const ESTADO_CHANGE: &[FieldSpec] = &[("nombre", CATALOGO_NAME, false)];
const TRANSICION: &[FieldSpec] = &[("roles", ROLES, true)];
const ROLES: FieldKind = FieldKind::Nombres(&["administrador", "supervisor", "trabajador"], 1);
const WEBHOOK_EVENTS: FieldKind = FieldKind::Nombres(&EVENTS, 1);
const AVISO_EVENTS: FieldKind = FieldKind::Nombres(
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
const PREFERENCIAS: &[FieldSpec] = &[
    ("idioma", FieldKind::Idioma, true),
    ("correo", FieldKind::Logico, true),
    ("push", FieldKind::Logico, true),
    ("silenciados", AVISO_EVENTS, true),
];
const SUBSCRIPTION: &[FieldSpec] = &[
    ("endpoint", FieldKind::Url, true),
    ("keys", FieldKind::ClavesPush, true),
];
const WEBHOOK: &[FieldSpec] = &[
    ("url", FieldKind::Url, true),
    ("eventos", WEBHOOK_EVENTS, true),
    ("descripcion", FieldKind::Texto(0, 200, false), false),
];
const WEBHOOK_CHANGE: &[FieldSpec] = &[
    ("url", FieldKind::Url, false),
    ("eventos", WEBHOOK_EVENTS, false),
    ("descripcion", FieldKind::Texto(0, 200, false), false),
    ("activo", FieldKind::Logico, false),
];
const LOGIN: &[FieldSpec] = &[
    ("rut", FieldKind::Rut, true),
    ("password", FieldKind::Libre, true),
    ("device_id", FieldKind::Dispositivo, false),
];
const REFRESH: &[FieldSpec] = &[("refresh_token", FieldKind::Libre, true)];
const PASSWORD: &[FieldSpec] = &[
    ("password", FieldKind::Libre, true),
    ("new_password", FieldKind::Clave, true),
];

const BATCH: &[FieldSpec] = &[
    ("device_id", FieldKind::Dispositivo, true),
    ("timestamp", FieldKind::Reloj, true),
    ("app_version", FieldKind::Texto(1, 64, false), false),
    ("pendientes", FieldKind::Cuantos, false),
    ("reportes", FieldKind::Lote, true),
];
const RECONCILIATION: &[FieldSpec] = &[
    ("device_id", FieldKind::Dispositivo, true),
    ("reportes", FieldKind::Tenidos, true),
];
const RESOLUTION: &[FieldSpec] = &[
    ("decision", FieldKind::Decision, true),
    ("version", FieldKind::Version, false),
    ("campos", FieldKind::Lados, false),
];

const DECISION_BODY: &str = r#"{"detalle": "Así es.", "version": 1}"#;
const NEW_REPORTE: &str = r#"{"titulo": "Roca", "descripcion": "Suelta.", "area_id": 1, "severidad_id": 3,
    "uuid_cliente": ""}"#;
const NEW_PERSONA: &str =
    r#"{"rut": 1, "nombre": "Rosa", "apellido_1": "Díaz", "rol": "trabajador"}"#;
const PREFERENCIAS_BODY: &str =
    r#"{"idioma": "es", "correo": true, "push": true, "silenciados": []}"#;
const SUBSCRIBE: &str = r#"{"endpoint": "https://push.example/x", "keys": {"auth": "BTBZMqHH6r4Tts7J_aSIgg", "p256dh":
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"}}"#;
const WEBHOOK_BODY: &str = r#"{"url": "https://gestion.example/x", "eventos": ["reporte.creado"]}"#;
const LOGIN_BODY: &str = r#"{"rut": 12345678, "password": "no es"}"#;
const PASSWORD_BODY: &str = r#"{"password": "no es", "new_password": "roca firme 42"}"#;
const EMPTY_BATCH: &str =
    r#"{"device_id": "moto-1", "timestamp": "2026-03-01T18:40:00-03:00", "reportes": []}"#;
/// Of the conflict about the title that the tests open.
const RESOLVE: &str = r#"{"decision": "mezcla", "version": 3, "campos": {"titulo": "cliente"}}"#;

const fn op(
    metodo: &'static str,
    ruta: &'static str,
    cuerpo: &'static str,
    campos: &'static [FieldSpec],
    bien: &'static [u16],
) -> Operation {
    Operation {
        metodo,
        ruta,
        cuerpo,
        campos,
        bien,
    }
}

/// As the description names them.
pub const ALL: &[Operation] = &[
    op("POST", "/reportes", NEW_REPORTE, REPORTE, &[201]),
    op(
        "PUT",
        "/reportes/{id}",
        r#"{"titulo": "Otro", "version": 1}"#,
        EDIT,
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
            ("responsable_rut", FieldKind::Rut, true),
            ("plazo", FieldKind::Plazo, true),
        ],
        &[409],
    ),
    op(
        "PATCH",
        "/reportes/{id}/acciones/{n}",
        r#"{"estado": "hecha"}"#,
        &[
            ("estado", FieldKind::EstadoDeAccion, true),
            ("detalle", DETALLE, false),
        ],
        &[404],
    ),
    op(
        "DELETE",
        "/reportes/{id}",
        DECISION_BODY,
        DETALLE_REQUIRED,
        &[204],
    ),
    op(
        "POST",
        "/admin/reportes/{id}/aprobar",
        DECISION_BODY,
        APPROVAL,
        &[200],
    ),
    op(
        "POST",
        "/admin/reportes/{id}/rechazar",
        DECISION_BODY,
        DETALLE_REQUIRED,
        &[200],
    ),
    op(
        "DELETE",
        "/multimedia/{id}",
        r#"{"detalle": "Se perdió."}"#,
        FILE_WAIVER,
        &[204],
    ),
    op("POST", "/usuarios", NEW_PERSONA, PERSONA, &[201]),
    op("PATCH", "/usuarios/{rut}", "{}", PERSONA_CHANGE, &[200]),
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
        AREA_CHANGE,
        &[200, 409],
    ),
    op(
        "PATCH",
        "/catalogos/severidades/{id}",
        "{}",
        SEVERIDAD_CHANGE,
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
        ESTADO_CHANGE,
        &[200, 409],
    ),
    op(
        "PUT",
        "/catalogos/transiciones/{desde}/{hacia}",
        r#"{"roles": ["supervisor"]}"#,
        TRANSICION,
        &[200],
    ),
    op("POST", "/auth/login", LOGIN_BODY, LOGIN, &[401, 429]),
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
        PASSWORD_BODY,
        PASSWORD,
        &[401, 429],
    ),
    op(
        "POST",
        "/notificaciones/leidas",
        r#"{"hasta": 1}"#,
        &[("hasta", FieldKind::Entero, true)],
        &[200],
    ),
    op(
        "PUT",
        "/notificaciones/preferencias",
        PREFERENCIAS_BODY,
        PREFERENCIAS,
        &[200],
    ),
    op(
        "POST",
        "/notificaciones/push",
        SUBSCRIBE,
        SUBSCRIPTION,
        &[201],
    ),
    // Twenty, and then no more.
    op(
        "POST",
        "/admin/webhooks",
        WEBHOOK_BODY,
        WEBHOOK,
        &[201, 409],
    ),
    // There is one of that id when enough were made before.
    op(
        "PATCH",
        "/admin/webhooks/{id}",
        "{}",
        WEBHOOK_CHANGE,
        &[200, 404],
    ),
    op("POST", "/sync/batch", EMPTY_BATCH, BATCH, &[200]),
    op(
        "POST",
        "/sync/reconciliar",
        r#"{"device_id": "moto-1", "reportes": []}"#,
        RECONCILIATION,
        &[200],
    ),
    op(
        "POST",
        "/sync/conflictos/{id}/resolver",
        RESOLVE,
        RESOLUTION,
        &[200],
    ),
];
