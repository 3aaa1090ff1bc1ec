//! Who may do what: every operation of the description by every kind of caller.

mod callers;
mod files;
mod table;

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use sigra_domain::Rol;

use crate::login::{log_in, login_persona};
use callers::{ALL, Caller, CallerHeader};
use sigra_testkit::{ApiResponse, TestSite, both_databases, openapi::operations, uuid};
use table::{OperationRow, TABLE};

/// Everything that a write could have touched, as one line.
async fn fingerprint(sitio: &TestSite) -> String {
    let cuentas = [
        "SELECT count(*) FROM reportes",
        "SELECT coalesce(sum(version), 0) FROM reportes",
        "SELECT count(*) FROM bitacora",
        "SELECT count(*) FROM cambios",
        "SELECT count(*) FROM notificaciones",
        "SELECT count(*) FROM notificaciones WHERE leida IS NULL",
        "SELECT count(*) FROM preferencias",
        "SELECT count(*) FROM suscripciones_push",
        "SELECT count(*) FROM webhooks",
        "SELECT count(*) FROM entregas WHERE estado = 'muerta'",
        "SELECT count(*) FROM usuarios",
        "SELECT count(*) FROM usuarios WHERE activo",
        "SELECT count(*) FROM usuario_areas",
        "SELECT count(*) FROM bitacora_ajustes",
        "SELECT count(*) FROM sesiones WHERE cerrada_en IS NULL",
        "SELECT count(*) FROM sesiones",
        "SELECT count(*) FROM refresh_tokens",
        "SELECT count(*) FROM idempotencia",
        "SELECT coalesce(sum(fallos), 0) FROM intentos",
        "SELECT count(*) FROM areas",
        "SELECT count(*) FROM severidades",
        "SELECT version FROM catalogo_version",
        "SELECT count(*) FROM dispositivos",
        "SELECT count(*) FROM conflictos WHERE resuelto IS NULL",
        "SELECT count(*) FROM subidas",
        "SELECT coalesce(sum(recibidos), 0) FROM subidas",
        "SELECT count(*) FROM objetos",
        "SELECT count(*) FROM basura",
        "SELECT count(*) FROM multimedia WHERE estado = 'pendiente'",
    ];
    let partes = cuentas
        .map(|c| format!("CAST(({c}) AS TEXT)"))
        .join(" || ' ' || ");
    sitio.bd.texts(&format!("SELECT {partes}")).await.join("")
}

async fn call(
    sitio: &TestSite,
    llamada: &table::Call,
    header: Option<&(&'static str, String)>,
) -> ApiResponse {
    let mut pedido = sitio
        .request(llamada.metodo, &llamada.ruta)
        .idempotency_key(&uuid());
    if let Some((nombre, valor)) = header {
        pedido = pedido.header(nombre, valor);
    }
    for (nombre, valor) in &llamada.headers {
        pedido = pedido.header(nombre, valor);
    }
    if let Some(cuerpo) = &llamada.cuerpo {
        pedido = pedido.json(cuerpo);
    }
    if let Some((tipo, bytes)) = &llamada.bytes {
        pedido = pedido.header("content-type", tipo).body(bytes.clone());
    }
    pedido.send().await
}

/// One operation by all callers.
async fn check_operation(
    sitio: &TestSite,
    fila: &OperationRow,
    llegados: &mut HashMap<Caller, CallerHeader>,
) {
    let ajeno = sitio.trabajador().await;
    for quien in ALL {
        // Some change the caller: somebody new each time.
        let (persona, header) = match llegados.get(&quien) {
            Some(llegado) if !fila.op.starts_with("POST /auth/") => llegado.clone(),
            _ => quien.sign_in(sitio).await,
        };
        if !fila.op.starts_with("POST /auth/") {
            llegados
                .entry(quien)
                .or_insert_with(|| (persona.clone(), header.clone()));
        }
        let autor = if quien.is_author() { &persona } else { &ajeno };
        let llamada = fila.build(sitio, &persona, autor).await;
        let antes = fingerprint(sitio).await;
        let r = call(sitio, &llamada, header.as_ref()).await;
        let (status, mut codigo) = quien.expected(fila);
        if llamada.metodo == "HEAD" {
            codigo = "";
        }
        let que = format!("{} como {quien:?}: {}", fila.op, r.texto);
        assert_eq!((r.status, r.code()), (status, codigo), "{que}");
        if !fila.writes() {
            continue;
        }
        // A refusal leaves no trace; and what is allowed does, or this would see nothing.
        let cambio = antes != fingerprint(sitio).await;
        assert_eq!(cambio, status < 400, "{que}");
        if status >= 400 {
            let secreto = llamada.uuid.is_some_and(|u| r.texto.contains(&u));
            assert!(!secreto, "{que}");
        }
    }
}

#[test]
fn the_table_matches_the_description() {
    let descritas: BTreeSet<(String, String)> = operations()
        .into_iter()
        .map(|o| (format!("{} {}", o.metodo, o.ruta), o.permiso))
        .collect();
    let en_tabla: BTreeSet<(String, String)> = TABLE
        .iter()
        .map(|f| (f.op.to_owned(), f.permiso.to_owned()))
        .collect();
    assert_eq!(en_tabla.len(), TABLE.len(), "filas repetidas");
    let faltan: Vec<_> = descritas.difference(&en_tabla).collect();
    let sobran: Vec<_> = en_tabla.difference(&descritas).collect();
    assert!(
        faltan.is_empty(),
        "sin prueba de permiso, o con otro: {faltan:?}"
    );
    assert!(
        sobran.is_empty(),
        "no son operaciones, o tienen otro permiso: {sobran:?}"
    );
}

#[both_databases]
async fn each_operation_by_each_caller(sitio: &TestSite) {
    // The one who can't be removed, so that the callers' own fate is theirs.
    sitio.administrador().await;
    let mut llegados = HashMap::new();
    for fila in TABLE {
        check_operation(sitio, fila, &mut llegados).await;
    }
}

#[both_databases]
async fn without_a_token_there_is_no_other_way_in(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    for fila in TABLE.iter().filter(|f| f.permiso != "publico") {
        let mut llamada = fila.build(sitio, &admin, &admin).await;
        llamada.ruta.push('/');
        let r = call(sitio, &llamada, None).await;
        assert_eq!(
            (r.status, r.header("www-authenticate")),
            (401, "Bearer"),
            "{}",
            fila.op
        );
        if !fila.writes() {
            let r = sitio.request("HEAD", &llamada.ruta).send().await;
            assert_eq!(
                (r.status, r.header("www-authenticate")),
                (401, "Bearer"),
                "{}",
                fila.op
            );
        }
        for valor in [
            "Bearer",
            "Bearer ",
            "Bearer null",
            "Bearer a.b.c",
            "Basic YTpi",
            "Bearer ...",
            "Bearer ñ",
            "Token x",
        ] {
            let r = call(sitio, &llamada, Some(&("authorization", valor.to_owned()))).await;
            assert_eq!(r.status, 401, "{} {valor}: {}", fila.op, r.texto);
        }
        // The scheme's name has no case (RFC 9110, 11.1).
        if !fila.writes() {
            let bearer = ("authorization", format!("bEARER {}", admin.token));
            assert_eq!(
                call(sitio, &llamada, Some(&bearer)).await.status,
                fila.ok,
                "{}",
                fila.op
            );
        }
    }
}

#[both_databases]
async fn the_description_and_its_page_need_no_token(sitio: &TestSite) {
    for ruta in ["/openapi.json", "/openapi.json/", "/docs", "/docs/"] {
        for header in ["", "Bearer x"] {
            let r = sitio
                .request("GET", ruta)
                .header("authorization", header)
                .send()
                .await;
            assert_eq!(r.status, 200, "{ruta}");
        }
    }
}

#[both_databases]
async fn the_login_cookie_opens_only_what_a_browser_shows(sitio: &TestSite) {
    let persona = login_persona(sitio, Rol::Administrador).await;
    let r = log_in(sitio, &persona, crate::login::PASSWORD)
        .await
        .expect_status(200, "");
    let cookie = r.header("set-cookie").to_owned();
    for atributo in [
        "; HttpOnly",
        "; SameSite=Strict",
        "; Path=/",
        "; Max-Age=900",
    ] {
        assert!(cookie.contains(atributo), "{cookie}");
    }
    let par = cookie.split(';').next().unwrap().to_owned();
    let valor = par.strip_prefix("sigra_sesion=").unwrap().to_owned();
    assert_ne!(valor, r.json["access_token"].as_str().unwrap());
    for fila in TABLE.iter().filter(|f| f.permiso != "publico") {
        let llamada = fila.build(sitio, &persona, &persona).await;
        let con_cookie = call(sitio, &llamada, Some(&("cookie", par.clone()))).await;
        let espera = if fila.permiso.ends_with("navegador") {
            fila.ok
        } else {
            401
        };
        assert_eq!(con_cookie.status, espera, "{}: {con_cookie:?}", fila.op);
        let en_header = ("authorization", format!("Bearer {valor}"));
        assert_eq!(
            call(sitio, &llamada, Some(&en_header)).await.status,
            401,
            "{}",
            fila.op
        );
    }
}

#[both_databases]
async fn what_belongs_to_others_looks_like_what_does_not_exist(sitio: &TestSite) {
    let (autor, ajeno) = (sitio.trabajador().await, sitio.supervisor(&[2]).await);
    let de_alguien = |f: &&OperationRow| {
        f.sobre != table::PathTarget::Nada && !["administrador", "publico"].contains(&f.permiso)
    };
    for fila in TABLE.iter().filter(de_alguien) {
        let plantilla = fila.op.split_once(' ').unwrap().1;
        let hay = fila.build(sitio, &autor, &autor).await;
        let id = if fila.sobre == table::PathTarget::Subida {
            "0123456789abcdef0123456789abcdef"
        } else {
            "999999"
        };
        let no_hay = table::Call {
            ruta: plantilla
                .replace("{id}", id)
                .replace("{uuid_cliente}", &uuid()),
            ..hay.clone()
        };
        let header = ("authorization", format!("Bearer {}", ajeno.token));
        let existe = call(sitio, &hay, Some(&header)).await;
        assert_eq!(existe.status, 404, "{}: {existe:?}", fila.op);
        let no_existe = call(sitio, &no_hay, Some(&header)).await;
        let sin_ruta = |r: &ApiResponse| {
            let mut json = r.json.clone();
            json["instance"] = Value::Null;
            (r.status, json)
        };
        assert_eq!(sin_ruta(&existe), sin_ruta(&no_existe), "{}", fila.op);
    }
}

#[both_databases]
async fn the_database_decides_and_not_the_role_in_the_token(sitio: &TestSite) {
    let (jefa, admin) = (sitio.supervisor(&[1]).await, sitio.administrador().await);
    let autor = sitio.trabajador().await;
    let ruta = format!("/reportes/{}", sitio.reporte(&autor, 1).await["id"]);
    sitio
        .request("GET", &ruta)
        .by(&jefa)
        .send()
        .await
        .expect_status(200, "");
    let usuario = format!("/usuarios/{}", jefa.rut);
    for (cambio, status) in [
        (serde_json::json!({"areas": [2]}), 404),
        (serde_json::json!({"areas": [1, 2]}), 200),
        (serde_json::json!({"rol": "trabajador"}), 404),
        (
            serde_json::json!({"rol": "administrador", "areas": []}),
            200,
        ),
    ] {
        sitio
            .request("PATCH", &usuario)
            .by(&admin)
            .json(&cambio)
            .send()
            .await
            .expect_status(200, "");
        let r = sitio.request("GET", &ruta).by(&jefa).send().await;
        assert_eq!(r.status, status, "{cambio}");
    }
    // Their token still says supervisor.
    sitio
        .request("GET", "/usuarios")
        .by(&jefa)
        .send()
        .await
        .expect_status(200, "");
}
