//! The table: what each operation demands and how it is called rightly. It is written by hand and
//! says again what the router says, so that a permission loosened there is noticed here.

use crate::login::{PASSWORD, login_persona};
use serde_json::Value;
use sigra_domain::Rol;
use sigra_testkit::{Persona, TestSite, reporte_in, uuid};

/// What the path names, and so who may reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathTarget {
    /// Nothing that belongs to somebody.
    Nada,
    /// A report: its author, the supervisor of its area and an administrador know of it.
    Reporte,
    /// The same, but its author alone may not.
    Decision,
    /// The same, of a report that was approved, and of which an action is the administrador's.
    Seguimiento,
    /// A file that its report has: whoever knows of the report.
    Archivo,
    /// A file that has not come: whoever knows of it, but its author and an administrador alone may.
    Falta,
    /// An upload: whoever began it.
    Subida,
}
use PathTarget::{Archivo, Decision, Falta, Nada, Reporte, Seguimiento, Subida};

/// An operation, its permission and its right call. In the body `$uuid` is a fresh uuid, `$rut` a
/// RUT that nobody has, `$conocido` somebody's whose password is `$clave`, `$refresh` their token.
pub struct OperationRow {
    pub op: &'static str,
    pub permiso: &'static str,
    pub sobre: PathTarget,
    /// What an allowed caller gets.
    pub ok: u16,
    pub cuerpo: &'static str,
}

const fn row(
    op: &'static str,
    permiso: &'static str,
    sobre: PathTarget,
    ok: u16,
    cuerpo: &'static str,
) -> OperationRow {
    OperationRow {
        op,
        permiso,
        sobre,
        ok,
        cuerpo,
    }
}

const CREATE: &str = r#"{"titulo": "Roca suelta", "descripcion": "Sobre el paso.", "area_id": 1,
    "severidad_id": 3, "uuid_cliente": "$uuid"}"#;
const EDIT: &str = r#"{"titulo": "Roca caída", "version": 1}"#;
const COMMENT: &str = r#"{"texto": "¿En qué pared?"}"#;
const REQUEST_ACCION: &str =
    r#"{"descripcion": "Acuñar", "responsable_rut": $jefe, "plazo": "2030-01-01"}"#;
const DECIDE: &str = r#"{"detalle": "Se cierra el paso."}"#;
const WITHDRAW: &str = r#"{"detalle": "De prueba.", "version": 1}"#;
const USUARIO: &str =
    r#"{"rut": $rut, "nombre": "Ana", "apellido_1": "Soto", "rol": "trabajador"}"#;
const NOMBRE: &str = r#"{"nombre": "Relaves $uuid"}"#;
const ESTADO: &str = r#"{"nombre": "En terreno $uuid", "final": false}"#;
const ROLES: &str = r#"{"roles": ["administrador"]}"#;
const LOGIN: &str = r#"{"rut": $conocido, "password": "$clave"}"#;
const CHANGE_PASSWORD: &str = r#"{"password": "$clave", "new_password": "roca muy firme 42"}"#;
const BATCH: &str = r#"{"device_id": "moto-1", "timestamp": "2026-03-01T12:00:00Z", "reportes": [{"titulo":
    "Roca suelta", "descripcion": "Sobre el paso.", "area_id": 1, "severidad_id": 3, "uuid_cliente": "$uuid"}]}"#;
const RECONCILE: &str = r#"{"device_id": "moto-1", "reportes": [{"uuid_cliente": "$uuid", "sha256_contenido":
    "f3979245ca041b4b1624300793409127a749c1fdd0d0b47989b6044b32948604"}]}"#;
const RESOLVE: &str = r#"{"decision": "cliente", "version": 2}"#;
const PREFERENCIAS: &str = r#"{"idioma": "en", "correo": true, "push": false, "silenciados": []}"#;
const SUBSCRIBE: &str = r#"{"endpoint": "https://push.example/$uuid", "keys": {"auth": "BTBZMqHH6r4Tts7J_aSIgg", "p256dh":
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"}}"#;
const WEBHOOK: &str = r#"{"url": "https://gestion.example/$uuid", "eventos": ["reporte.creado"]}"#;
const REFRESH: &str = r#"{"refresh_token": "$refresh"}"#;

/// A server built without PDFs says so to those who might have one.
const INFORME: u16 = if cfg!(feature = "pdf") { 200 } else { 501 };

#[rustfmt::skip] // One operation a line.
pub const TABLE: &[OperationRow] = &[
    row("POST /auth/login", "publico", Nada, 200, LOGIN),
    row("POST /auth/refresh", "publico", Nada, 200, REFRESH),
    row("POST /auth/logout", "autenticado", Nada, 204, ""),
    row("POST /auth/cambiar-password", "cambio_de_password", Nada, 200, CHANGE_PASSWORD),
    row("GET /auth/me", "autenticado", Nada, 200, ""),
    row("GET /auth/sesiones", "autenticado", Nada, 200, ""),
    row("DELETE /auth/sesiones/{id}", "autenticado", Nada, 204, ""),
    row("GET /usuarios", "administrador", Nada, 200, ""),
    row("POST /usuarios", "administrador", Nada, 201, USUARIO),
    row("GET /usuarios/{rut}", "administrador", Nada, 200, ""),
    row("PATCH /usuarios/{rut}", "administrador", Nada, 200, r#"{"activo": false}"#),
    row("POST /usuarios/{rut}/restablecer-password", "administrador", Nada, 200, ""),
    row("GET /catalogos", "publico", Nada, 200, ""),
    row("POST /catalogos/areas", "administrador", Nada, 201, NOMBRE),
    row("PATCH /catalogos/areas/{id}", "administrador", Nada, 200, NOMBRE),
    row("POST /catalogos/severidades", "administrador", Nada, 201, NOMBRE),
    row("PATCH /catalogos/severidades/{id}", "administrador", Nada, 200, NOMBRE),
    row("POST /catalogos/estados", "administrador", Nada, 201, ESTADO),
    row("PATCH /catalogos/estados/{id}", "administrador", Nada, 200, NOMBRE),
    row("PUT /catalogos/transiciones/{desde}/{hacia}", "administrador", Nada, 200, ROLES),
    row("DELETE /catalogos/transiciones/{desde}/{hacia}", "administrador", Nada, 204, ""),
    row("GET /reportes", "autenticado", Nada, 200, ""),
    row("POST /reportes", "autenticado", Nada, 201, CREATE),
    row("GET /reportes/{id}", "autenticado", Reporte, 200, ""),
    row("GET /reportes/uuid/{uuid_cliente}", "autenticado", Reporte, 200, ""),
    row("GET /reportes/{id}/bitacora", "autenticado", Reporte, 200, ""),
    row("GET /reportes/{id}/ubicacion", "autenticado", Reporte, 200, ""),
    row("GET /reportes/{id}/informe.pdf", "navegador", Reporte, INFORME, ""),
    row("GET /reportes/{id}/similares", "autenticado", Reporte, 200, ""),
    row("GET /reportes/{id}/comentarios", "autenticado", Reporte, 200, ""),
    row("POST /reportes/{id}/comentarios", "autenticado", Reporte, 201, COMMENT),
    row("GET /reportes/{id}/acciones", "autenticado", Reporte, 200, ""),
    row("POST /reportes/{id}/acciones", "autenticado", Seguimiento, 201, REQUEST_ACCION),
    row("PATCH /reportes/{id}/acciones/{n}", "autenticado", Seguimiento, 200, r#"{"estado": "hecha"}"#),
    row("PUT /reportes/{id}", "autenticado", Reporte, 200, EDIT),
    row("DELETE /reportes/{id}", "administrador", Reporte, 204, WITHDRAW),
    row("POST /sync/batch", "autenticado", Nada, 200, BATCH),
    row("GET /sync/changes", "autenticado", Nada, 200, ""),
    row("GET /sync/status", "autenticado", Nada, 200, ""),
    row("POST /sync/reconciliar", "autenticado", Nada, 200, RECONCILE),
    row("GET /sync/conflictos", "autenticado", Nada, 200, ""),
    row("POST /sync/conflictos/{id}/resolver", "autenticado", Reporte, 200, RESOLVE),
    row("GET /notificaciones", "autenticado", Nada, 200, ""),
    row("POST /notificaciones/{id}/leida", "autenticado", Nada, 204, ""),
    row("POST /notificaciones/leidas", "autenticado", Nada, 200, r#"{"hasta": 999999}"#),
    row("GET /eventos", "navegador", Nada, 200, ""),
    row("GET /notificaciones/preferencias", "autenticado", Nada, 200, ""),
    row("PUT /notificaciones/preferencias", "autenticado", Nada, 200, PREFERENCIAS),
    row("GET /notificaciones/push", "autenticado", Nada, 200, ""),
    row("POST /notificaciones/push", "autenticado", Nada, 201, SUBSCRIBE),
    row("DELETE /notificaciones/push/{id}", "autenticado", Nada, 204, ""),
    row("GET /admin/webhooks", "administrador", Nada, 200, ""),
    row("POST /admin/webhooks", "administrador", Nada, 201, WEBHOOK),
    row("PATCH /admin/webhooks/{id}", "administrador", Nada, 200, r#"{"activo": false}"#),
    row("POST /admin/webhooks/{id}/secreto", "administrador", Nada, 200, ""),
    row("DELETE /admin/webhooks/{id}", "administrador", Nada, 204, ""),
    row("GET /admin/entregas", "administrador", Nada, 200, ""),
    row("POST /admin/entregas/{id}/reenviar", "administrador", Nada, 204, ""),
    row("POST /admin/reportes/{id}/aprobar", "supervision", Decision, 200, DECIDE),
    row("POST /admin/reportes/{id}/rechazar", "supervision", Decision, 200, DECIDE),
    row("GET /admin/bitacora", "administrador", Nada, 200, ""),
    row("GET /admin/bitacora/ajustes", "administrador", Nada, 200, ""),
    row("GET /admin/dispositivos", "administrador", Nada, 200, ""),
    row("GET /admin/export.csv", "supervision_navegador", Nada, 200, ""),
    row("GET /admin/export.xlsx", "supervision_navegador", Nada, 200, ""),
    row("GET /admin/dashboard", "supervision", Nada, 200, ""),
    row("POST /reportes/{id}/multimedia", "autenticado", Reporte, 201, ""),
    row("OPTIONS /multimedia/tus", "publico", Nada, 204, ""),
    row("POST /multimedia/tus", "autenticado", Nada, 201, ""),
    row("HEAD /multimedia/tus/{id}", "autenticado", Subida, 200, ""),
    row("PATCH /multimedia/tus/{id}", "autenticado", Subida, 204, ""),
    row("POST /multimedia/tus/{id}", "autenticado", Subida, 204, ""),
    row("DELETE /multimedia/tus/{id}", "autenticado", Subida, 204, ""),
    row("GET /multimedia/{id}", "navegador", Archivo, 200, ""),
    row("GET /multimedia/{id}/miniatura", "navegador", Archivo, 200, ""),
    row("GET /multimedia/{id}/vista", "navegador", Archivo, 200, ""),
    row("GET /multimedia/{id}/url", "autenticado", Archivo, 200, ""),
    row("GET /multimedia/{id}/copia", "publico", Archivo, 200, ""),
    row("DELETE /multimedia/{id}", "autenticado", Falta, 204, ""),
    row("GET /healthz", "publico", Nada, 200, ""),
    row("GET /readyz", "publico", Nada, 200, ""),
];

/// A right call of an operation.
#[derive(Clone)]
pub struct Call {
    pub metodo: &'static str,
    pub ruta: String,
    pub cuerpo: Option<Value>,
    /// `uuid_cliente` of what it is about.
    pub uuid: Option<String>,
    pub headers: Vec<(&'static str, String)>,
    /// A body that is no JSON, and its type.
    pub bytes: Option<(String, Vec<u8>)>,
}

impl OperationRow {
    pub fn writes(&self) -> bool {
        let lee = ["GET ", "HEAD ", "OPTIONS "]
            .iter()
            .any(|m| self.op.starts_with(m));
        !lee && self.op != "POST /sync/reconciliar"
    }

    /// Makes what the call needs: a report of `autor` in area 1, a person, a second session of the
    /// caller.
    pub async fn build(&self, sitio: &TestSite, quien: &Persona, autor: &Persona) -> Call {
        let (metodo, plantilla) = self.op.split_once(' ').expect("op");
        if plantilla.contains("multimedia") {
            return super::files::build(self, sitio, autor).await;
        }
        let mut ruta = plantilla.to_owned();
        let mut cuerpo = self.cuerpo.to_owned();
        let mut uuid_reporte = None;
        if self.sobre != Nada {
            let reporte = sitio
                .create(autor, &reporte_in(1))
                .await
                .expect_status(201, "")
                .json;
            let id = if plantilla.starts_with("/sync/conflictos/") {
                create_conflicto(sitio, autor, &reporte).await
            } else {
                reporte["id"].clone()
            };
            ruta = ruta.replace("{id}", &id.to_string());
            let uuid = reporte["uuid_cliente"].as_str().expect("uuid");
            ruta = ruta.replace("{uuid_cliente}", uuid);
            uuid_reporte = Some(uuid.to_owned());
            if self.sobre == Seguimiento {
                cuerpo = prepare_accion(sitio, &reporte["id"], plantilla, cuerpo).await;
                ruta = ruta.replace("{n}", "1");
            }
        } else if plantilla.starts_with("/auth/sesiones/") {
            let otra = sitio.session(quien.quien.clone()).await;
            ruta = ruta.replace("{id}", &otra.sesion_id.to_string());
        } else if let Some(fila) = delivery_sql(plantilla, quien) {
            sitio.bd.sql(&fila).await.expect("fila");
            let tabla = fila.split(' ').nth(2).expect("tabla");
            let id = sitio
                .bd
                .query_i64(&format!("SELECT max(id) FROM {tabla}"))
                .await;
            ruta = ruta.replace("{id}", &id.to_string());
        } else if plantilla.starts_with("/notificaciones/") {
            let reporte = sitio
                .create(autor, &reporte_in(1))
                .await
                .expect_status(201, "")
                .id();
            let aviso = format!(
                "INSERT INTO notificaciones (id, rut, evento, reporte_id, version, datos, creada)
                 VALUES ({reporte}, {}, 'reporte.creado', {reporte}, 1, '{{}}', 0)",
                quien.rut
            );
            sitio.bd.sql(&aviso).await.expect("notificación");
            ruta = ruta.replace("{id}", &reporte.to_string());
        } else {
            ruta = ruta.replace("{id}", "1"); // of the catalogue
        }
        if plantilla.contains("{hacia}") {
            let paso = "INSERT INTO transiciones (desde, hacia, roles) VALUES (3, 1, 'supervisor')
                ON CONFLICT DO NOTHING";
            sitio.bd.sql(paso).await.expect("transición");
            ruta = ruta.replace("{desde}", "3").replace("{hacia}", "1");
        }
        cuerpo = cuerpo.replace("$uuid", &uuid());
        let usa_persona = ["$conocido", "$refresh"].iter().any(|p| cuerpo.contains(p));
        if usa_persona || ruta.contains("{rut}") {
            let quien = login_persona(sitio, Rol::Trabajador).await.quien;
            let (conocido, refresh) =
                Persona::open_session(&sitio.store, &sitio.tokens, quien).await;
            let conocido = conocido.rut;
            ruta = ruta.replace("{rut}", &conocido.to_string());
            cuerpo = cuerpo.replace("$conocido", &conocido.to_string());
            cuerpo = cuerpo.replace("$refresh", &refresh);
        }
        if cuerpo.contains("$rut") {
            let mayor = sitio.bd.query_i64("SELECT max(rut) FROM usuarios").await;
            cuerpo = cuerpo.replace("$rut", &(mayor.max(50_000_000) + 1).to_string());
        }
        cuerpo = cuerpo.replace("$clave", PASSWORD);
        let cuerpo = (!cuerpo.is_empty()).then(|| serde_json::from_str(&cuerpo).expect("JSON"));
        Call {
            metodo,
            ruta,
            cuerpo,
            uuid: uuid_reporte,
            headers: vec![],
            bytes: None,
        }
    }
}

/// Approves a report and, where one is needed, asks an administrador for an action; the body with that person.
async fn prepare_accion(sitio: &TestSite, id: &Value, plantilla: &str, cuerpo: String) -> String {
    let jefe = sitio.administrador().await;
    let manda = async |ruta: String, cuerpo: &str| {
        let cuerpo: Value = serde_json::from_str(cuerpo).expect("JSON");
        let r = sitio
            .request("POST", &ruta)
            .by(&jefe)
            .json(&cuerpo)
            .send()
            .await;
        assert!(r.status < 300, "{r:?}");
    };
    manda(format!("/admin/reportes/{id}/aprobar"), "{}").await;
    let rut = jefe.rut.body().to_string();
    if plantilla.ends_with("{n}") {
        manda(
            format!("/reportes/{id}/acciones"),
            &REQUEST_ACCION.replace("$jefe", &rut),
        )
        .await;
    }
    cuerpo.replace("$jefe", &rut)
}

/// What an operation on something that leaves the server needs, as a row of its table.
fn delivery_sql(plantilla: &str, quien: &Persona) -> Option<String> {
    if !plantilla.contains("{id}") {
        return None;
    }
    if plantilla.starts_with("/admin/webhooks/") {
        return Some(
            "INSERT INTO webhooks (url, descripcion, eventos, activo, secreto, creado)
             VALUES ('https://gestion.example/', '', '[]', TRUE, 'whsec_AAAA', 0)"
                .to_owned(),
        );
    }
    if plantilla.starts_with("/admin/entregas/") {
        return Some(
            "INSERT INTO entregas (canal, destino, circuito, evento, datos, urgente, estado, proximo, creada)
             VALUES ('webhook', 1, 'webhook:1', 'reporte.creado', '{}', FALSE, 'muerta', 0, 0)"
                .to_owned(),
        );
    }
    plantilla.starts_with("/notificaciones/push/").then(|| {
        format!(
            "INSERT INTO suscripciones_push (rut, endpoint, p256dh, auth, circuito, creada)
             VALUES ({}, '{}', '', '', 'push:x', 0)",
            quien.rut,
            uuid()
        )
    })
}

/// The id of a conflict about a report of `autor`.
async fn create_conflicto(sitio: &TestSite, autor: &Persona, reporte: &Value) -> Value {
    let mut otro = reporte.clone();
    otro["titulo"] = "Otro título".into();
    let r = sitio.push_batch(autor, &[otro]).await;
    assert_eq!(r["resultados"][0]["resultado"], "conflicto", "{r}");
    r["resultados"][0]["conflicto_id"].clone()
}
