//! The limits of every field of every operation with a body.

use serde_json::{Value, json};

use super::{
    es_problema, escrito, reporte,
    valores::{self, Clase, Dicho},
};
use crate::{
    arnes::{Persona, Sitio, reporte_en, uuid},
    en_ambas,
};

/// A field: name, kind, whether it must be there and not be null.
type Campo = (&'static str, Clase, bool);

/// An operation with a body: how it is called, a body that it takes, and its fields.
struct Caso {
    metodo: &'static str,
    ruta: String,
    cuerpo: Value,
    campos: Vec<Campo>,
    /// What it answers when the body is right.
    bien: &'static [u16],
}

const TITULO: Clase = Clase::Texto(1, 255, false);
const DESCRIPCION: Clase = Clase::Texto(0, 10_000, true);
const DETALLE: Clase = Clase::Texto(1, 2_000, true);
const NOMBRE: Clase = Clase::Texto(1, 80, false);
const DE_CATALOGO: Clase = Clase::Texto(1, 100, false);

async fn casos(sitio: &Sitio, jefe: &Persona, id: i64) -> Vec<Caso> {
    let otro = sitio.supervisor(&[1]).await;
    let caso = |metodo, ruta: &str, cuerpo, campos: &[Campo], bien| Caso {
        metodo,
        ruta: ruta.to_owned(),
        cuerpo,
        campos: campos.to_vec(),
        bien,
    };
    let decide = [
        ("detalle", DETALLE, false),
        ("version", Clase::Version, false),
    ];
    let mut rechaza = decide;
    rechaza[0].2 = true;
    let decision = json!({"detalle": "Así es.", "version": 1});
    let persona =
        json!({"rut": "8.765.432-K", "nombre": "Rosa", "apellido_1": "Díaz", "rol": "trabajador"});
    let nombres = |requerido| {
        [
            ("nombre", NOMBRE, requerido),
            ("apellido_1", NOMBRE, requerido),
            ("apellido_2", NOMBRE, false),
            ("rol", Clase::Rol, requerido),
            ("areas", Clase::Areas, false),
            ("email", Clase::Email, false),
        ]
    };
    let mut de_persona = nombres(true).to_vec();
    de_persona.push(("rut", Clase::Rut, true));
    let mut de_edicion = nombres(false).to_vec();
    de_edicion.push(("activo", Clase::Logico, false));
    let contenido = |requerido| {
        vec![
            ("titulo", TITULO, requerido),
            ("area_id", Clase::Id, requerido),
            ("severidad_id", Clase::Id, requerido),
            ("ubicacion", Clase::Ubicacion, false),
        ]
    };
    let mut de_reporte = contenido(true);
    de_reporte.extend([
        ("descripcion", DESCRIPCION, true),
        ("uuid_cliente", Clase::Uuid, true),
        ("fecha_reporte", Clase::Fecha, false),
        ("hora_creado", Clase::Hora, false),
        ("device_id", Clase::Dispositivo, false),
        ("multimedia", Clase::Manifiesto, false),
        ("version_base", Clase::VersionBase, false),
    ]);
    let mut de_cambio = contenido(false);
    de_cambio.extend([
        ("descripcion", DESCRIPCION, false),
        ("estado_id", Clase::Id, false),
        ("detalle", DETALLE, false),
        ("version", Clase::Version, false),
    ]);
    let cambio = json!({"titulo": "Otro", "version": 1});
    vec![
        caso("POST", "/reportes", reporte_en(1), &de_reporte, &[201]),
        caso(
            "PUT",
            &format!("/reportes/{id}"),
            cambio,
            &de_cambio,
            &[200],
        ),
        caso(
            "DELETE",
            &format!("/reportes/{id}"),
            decision.clone(),
            &rechaza,
            &[204],
        ),
        caso(
            "POST",
            &format!("/admin/reportes/{id}/aprobar"),
            decision.clone(),
            &decide,
            &[200],
        ),
        caso(
            "POST",
            &format!("/admin/reportes/{id}/rechazar"),
            decision,
            &rechaza,
            &[200],
        ),
        caso("POST", "/usuarios", persona, &de_persona, &[201]),
        caso(
            "PATCH",
            &format!("/usuarios/{}", otro.rut),
            json!({}),
            &de_edicion,
            &[200],
        ),
        caso(
            "POST",
            "/catalogos/areas",
            json!({"nombre": "x"}),
            &[("nombre", DE_CATALOGO, true)],
            &[201],
        ),
        caso(
            "POST",
            "/catalogos/severidades",
            json!({"nombre": "x"}),
            &[("nombre", DE_CATALOGO, true)],
            &[201],
        ),
        caso(
            "PATCH",
            "/catalogos/areas/9",
            json!({}),
            &[
                ("nombre", DE_CATALOGO, false),
                ("activa", Clase::Logico, false),
            ],
            &[200, 409],
        ),
        caso(
            "PATCH",
            "/catalogos/severidades/3",
            json!({}),
            &[
                ("nombre", DE_CATALOGO, false),
                ("activa", Clase::Logico, false),
            ],
            &[200, 409],
        ),
        caso(
            "POST",
            "/auth/login",
            json!({"rut": jefe.rut, "password": "no es"}),
            &[
                ("rut", Clase::Rut, true),
                ("device_id", Clase::Dispositivo, false),
            ],
            &[401, 429],
        ),
        caso(
            "POST",
            "/auth/refresh",
            json!({"refresh_token": "no"}),
            &[],
            &[401],
        ),
        caso(
            "POST",
            "/auth/cambiar-password",
            json!({"password": "no es", "new_password": "roca firme 42"}),
            &[("new_password", Clase::Clave, true)],
            &[401, 429],
        ),
    ]
}

/// A body with one field written as `valor`.
fn con(cuerpo: &Value, campo: &str, valor: &str) -> String {
    let mut cuerpo = cuerpo.clone();
    if campo != "uuid_cliente" && cuerpo.get("uuid_cliente").is_some() {
        cuerpo["uuid_cliente"] = json!(uuid());
    }
    cuerpo[campo] = json!("@aquí@");
    cuerpo.to_string().replace("\"@aquí@\"", valor)
}

fn corto(t: &str) -> String {
    t.chars().take(150).collect()
}

async fn manda(
    sitio: &Sitio,
    jefe: &Persona,
    caso: &Caso,
    nombre: &str,
    valor: &str,
    dicho: &Dicho,
) {
    let que = format!("{} {} {nombre} = {}", caso.metodo, caso.ruta, corto(valor));
    let pedido = sitio.pide(caso.metodo, &caso.ruta).como(jefe);
    let r = pedido.crudo(con(&caso.cuerpo, nombre, valor)).envia().await;
    match dicho {
        Dicho::Bien => assert!(caso.bien.contains(&r.status), "{que}: {}", r.texto),
        Dicho::NoJson => es_problema(&r, 400, "json_invalido", &[], &que),
        Dicho::Otro(status, codigo) => es_problema(&r, *status, codigo, &[], &que),
        Dicho::Mal(donde, codigo) => {
            let campo = format!("{nombre}{donde}");
            es_problema(&r, 422, "datos_invalidos", &[(&campo, codigo)], &que);
        }
    }
}

/// What a valid value would leave behind must be out of the way of the next one.
async fn se_puede_repetir(sitio: &Sitio, jefe: &Persona, caso: &mut Caso) {
    if caso.ruta.contains("/reportes/") {
        let id = reporte(sitio, jefe).await;
        let partes: Vec<&str> = caso.ruta.split('/').collect();
        let viejo = partes
            .iter()
            .find(|p| p.parse::<i64>().is_ok())
            .expect("id");
        caso.ruta = caso.ruta.replace(viejo, &id.to_string());
    }
    if caso.ruta == "/usuarios" {
        let otro = sitio.trabajador().await.rut.cuerpo() + 20_000_000;
        caso.cuerpo["rut"] = json!(otro);
    }
}

en_ambas! {
    async fn cada_campo_tiene_su_limite_y_lo_dice(sitio: &Sitio) {
        let jefe = sitio.administrador().await;
        let id = reporte(sitio, &jefe).await;
        let (mut buenos, mut malos) = (0, 0);
        for mut caso in casos(sitio, &jefe, id).await {
            se_puede_repetir(sitio, &jefe, &mut caso).await;
            for (nombre, clase, requerido) in caso.campos.clone() {
                let (bien, mut mal): (Vec<_>, Vec<_>) =
                    valores::de(clase).into_iter().partition(|(_, d)| *d == Dicho::Bien);
                if requerido {
                    mal.push(("null".to_owned(), Dicho::Mal(String::new(), "requerido")));
                }
                let antes = escrito(sitio).await;
                for (valor, dicho) in &mal {
                    manda(sitio, &jefe, &caso, nombre, valor, dicho).await;
                }
                if requerido {
                    let mut sin = caso.cuerpo.clone();
                    sin.as_object_mut().unwrap().remove(nombre);
                    let r = sitio.pide(caso.metodo, &caso.ruta).como(&jefe).json(&sin).envia().await;
                    es_problema(&r, 422, "datos_invalidos", &[(nombre, "requerido")], nombre);
                }
                assert_eq!(escrito(sitio).await, antes, "{} {} {nombre}", caso.metodo, caso.ruta);
                for (valor, dicho) in &bien {
                    manda(sitio, &jefe, &caso, nombre, valor, dicho).await;
                    se_puede_repetir(sitio, &jefe, &mut caso).await;
                }
                (buenos, malos) = (buenos + bien.len(), malos + mal.len());
            }
        }
        println!("valores aceptados: {buenos}, rechazados: {malos}");
        assert!(buenos > 150 && malos > 1_000, "{buenos} {malos}");
    }

    /// All that is wrong is told at once, and a hopeless body does not fill the answer.
    async fn todos_los_errores_se_dicen_a_la_vez(sitio: &Sitio) {
        let jefe = sitio.administrador().await;
        let malo = json!({
            "titulo": "", "descripcion": 1, "area_id": "1", "severidad_id": 77, "uuid_cliente": "x",
            "fecha_reporte": "2026-02-30", "hora_creado": "9999-01-01T00:00:00Z", "device_id": "a b",
            "ubicacion": {"lat": 91, "precision_m": -1}, "multimedia": [{"bytes": 0}], "version_base": -1,
        });
        let r = sitio.crea(&jefe, &malo).await;
        es_problema(&r, 422, "datos_invalidos", &[
            ("titulo", "largo"), ("descripcion", "tipo"), ("area_id", "tipo"), ("severidad_id", "no_existe"),
            ("uuid_cliente", "formato"), ("fecha_reporte", "formato"), ("hora_creado", "rango"),
            ("device_id", "caracter_no_permitido"), ("version_base", "rango"), ("ubicacion.lat", "rango"),
            ("ubicacion.lon", "requerido"), ("ubicacion.precision_m", "rango"),
            ("multimedia[0].uuid_cliente", "requerido"), ("multimedia[0].nombre", "requerido"),
            ("multimedia[0].tipo", "requerido"), ("multimedia[0].bytes", "rango"),
            ("multimedia[0].sha256", "requerido"),
        ], "todo mal");
        let mut muchos = reporte_en(1);
        muchos["multimedia"] = (0..20).map(|_| json!({})).collect();
        let r = sitio.crea(&jefe, &muchos).await.espera(422, "datos_invalidos");
        assert_eq!(r.json["errores"].as_array().unwrap().len(), 50);
    }
}
