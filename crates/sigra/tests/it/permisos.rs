//! Who may do what: every operation of the description by every kind of caller.

pub mod archivos;
mod llamadores;
mod tabla;

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use sigra_domain::Rol;

use crate::{
    arnes::{Respuesta, Sitio, openapi::operaciones, uuid},
    en_ambas,
    login::{con_clave, entra},
};
use llamadores::{Llamador, Llegado, TODOS};
use tabla::{Fila, TABLA};

/// Everything that a write could have touched, as one line.
async fn huella(sitio: &Sitio) -> String {
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
    sitio.bd.textos(&format!("SELECT {partes}")).await.join("")
}

async fn llama(
    sitio: &Sitio,
    llamada: &tabla::Llamada,
    header: Option<&(&'static str, String)>,
) -> Respuesta {
    let mut pedido = sitio.pide(llamada.metodo, &llamada.ruta).clave(&uuid());
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
        pedido = pedido.header("content-type", tipo).cuerpo(bytes.clone());
    }
    pedido.envia().await
}

/// One operation by all callers.
async fn recorre(sitio: &Sitio, fila: &Fila, llegados: &mut HashMap<Llamador, Llegado>) {
    let ajeno = sitio.trabajador().await;
    for quien in TODOS {
        // Some change the caller: somebody new each time.
        let (persona, header) = match llegados.get(&quien) {
            Some(llegado) if !fila.op.starts_with("POST /auth/") => llegado.clone(),
            _ => quien.llega(sitio).await,
        };
        if !fila.op.starts_with("POST /auth/") {
            llegados
                .entry(quien)
                .or_insert_with(|| (persona.clone(), header.clone()));
        }
        let autor = if quien.es_autor() { &persona } else { &ajeno };
        let llamada = fila.arma(sitio, &persona, autor).await;
        let antes = huella(sitio).await;
        let r = llama(sitio, &llamada, header.as_ref()).await;
        let (status, mut codigo) = quien.espera(fila);
        if llamada.metodo == "HEAD" {
            codigo = "";
        }
        let que = format!("{} como {quien:?}: {}", fila.op, r.texto);
        assert_eq!((r.status, r.codigo()), (status, codigo), "{que}");
        if !fila.escribe() {
            continue;
        }
        // A refusal leaves no trace; and what is allowed does, or this would see nothing.
        let cambio = antes != huella(sitio).await;
        assert_eq!(cambio, status < 400, "{que}");
        if status >= 400 {
            let secreto = llamada.uuid.is_some_and(|u| r.texto.contains(&u));
            assert!(!secreto, "{que}");
        }
    }
}

#[test]
fn la_tabla_es_la_descripcion() {
    let descritas: BTreeSet<(String, String)> = operaciones()
        .into_iter()
        .map(|o| (format!("{} {}", o.metodo, o.ruta), o.permiso))
        .collect();
    let en_tabla: BTreeSet<(String, String)> = TABLA
        .iter()
        .map(|f| (f.op.to_owned(), f.permiso.to_owned()))
        .collect();
    assert_eq!(en_tabla.len(), TABLA.len(), "filas repetidas");
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

en_ambas! {
    async fn cada_operacion_por_cada_llamador(sitio: &Sitio) {
        // The one who can't be removed, so that the callers' own fate is theirs.
        sitio.administrador().await;
        let mut llegados = HashMap::new();
        for fila in TABLA {
            recorre(sitio, fila, &mut llegados).await;
        }
    }

    async fn sin_token_no_hay_otra_puerta(sitio: &Sitio) {
        let admin = sitio.administrador().await;
        for fila in TABLA.iter().filter(|f| f.permiso != "publico") {
            let mut llamada = fila.arma(sitio, &admin, &admin).await;
            llamada.ruta.push('/');
            let r = llama(sitio, &llamada, None).await;
            assert_eq!((r.status, r.header("www-authenticate")), (401, "Bearer"), "{}", fila.op);
            if !fila.escribe() {
                let r = sitio.pide("HEAD", &llamada.ruta).envia().await;
                assert_eq!((r.status, r.header("www-authenticate")), (401, "Bearer"), "{}", fila.op);
            }
            for valor in ["Bearer", "Bearer ", "Bearer null", "Bearer a.b.c", "Basic YTpi", "Bearer ...",
                "Bearer ñ", "Token x"] {
                let r = llama(sitio, &llamada, Some(&("authorization", valor.to_owned()))).await;
                assert_eq!(r.status, 401, "{} {valor}: {}", fila.op, r.texto);
            }
            // The scheme's name has no case (RFC 9110, 11.1).
            if !fila.escribe() {
                let bearer = ("authorization", format!("bEARER {}", admin.token));
                assert_eq!(llama(sitio, &llamada, Some(&bearer)).await.status, fila.ok, "{}", fila.op);
            }
        }
    }

    async fn la_descripcion_y_su_pagina_no_piden_token(sitio: &Sitio) {
        for ruta in ["/openapi.json", "/openapi.json/", "/docs", "/docs/"] {
            for header in ["", "Bearer x"] {
                let r = sitio.pide("GET", ruta).header("authorization", header).envia().await;
                assert_eq!(r.status, 200, "{ruta}");
            }
        }
    }

    async fn la_cookie_del_login_solo_abre_lo_que_un_navegador_muestra(sitio: &Sitio) {
        let persona = con_clave(sitio, Rol::Administrador).await;
        let r = entra(sitio, &persona, crate::login::CLAVE).await.espera(200, "");
        let cookie = r.header("set-cookie").to_owned();
        for atributo in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=900"] {
            assert!(cookie.contains(atributo), "{cookie}");
        }
        let par = cookie.split(';').next().unwrap().to_owned();
        let valor = par.strip_prefix("sigra_sesion=").unwrap().to_owned();
        assert_ne!(valor, r.json["access_token"].as_str().unwrap());
        for fila in TABLA.iter().filter(|f| f.permiso != "publico") {
            let llamada = fila.arma(sitio, &persona, &persona).await;
            let con_cookie = llama(sitio, &llamada, Some(&("cookie", par.clone()))).await;
            let espera = if fila.permiso.ends_with("navegador") { fila.ok } else { 401 };
            assert_eq!(con_cookie.status, espera, "{}: {con_cookie:?}", fila.op);
            let en_header = ("authorization", format!("Bearer {valor}"));
            assert_eq!(llama(sitio, &llamada, Some(&en_header)).await.status, 401, "{}", fila.op);
        }
    }

    async fn lo_ajeno_se_ve_igual_que_lo_que_no_existe(sitio: &Sitio) {
        let (autor, ajeno) = (sitio.trabajador().await, sitio.supervisor(&[2]).await);
        let de_alguien = |f: &&Fila| f.sobre != tabla::Sobre::Nada && !["administrador", "publico"].contains(&f.permiso);
        for fila in TABLA.iter().filter(de_alguien) {
            let plantilla = fila.op.split_once(' ').unwrap().1;
            let hay = fila.arma(sitio, &autor, &autor).await;
            let id = if fila.sobre == tabla::Sobre::Subida { "0123456789abcdef0123456789abcdef" } else { "999999" };
            let no_hay = tabla::Llamada {
                ruta: plantilla.replace("{id}", id).replace("{uuid_cliente}", &uuid()),
                ..hay.clone()
            };
            let header = ("authorization", format!("Bearer {}", ajeno.token));
            let existe = llama(sitio, &hay, Some(&header)).await;
            assert_eq!(existe.status, 404, "{}: {existe:?}", fila.op);
            let no_existe = llama(sitio, &no_hay, Some(&header)).await;
            let sin_ruta = |r: &Respuesta| {
                let mut json = r.json.clone();
                json["instance"] = Value::Null;
                (r.status, json)
            };
            assert_eq!(sin_ruta(&existe), sin_ruta(&no_existe), "{}", fila.op);
        }
    }

    async fn manda_la_base_y_no_el_cargo_del_token(sitio: &Sitio) {
        let (jefa, admin) = (sitio.supervisor(&[1]).await, sitio.administrador().await);
        let autor = sitio.trabajador().await;
        let ruta = format!("/reportes/{}", sitio.reporte(&autor, 1).await["id"]);
        sitio.pide("GET", &ruta).como(&jefa).envia().await.espera(200, "");
        let usuario = format!("/usuarios/{}", jefa.rut);
        for (cambio, status) in [
            (serde_json::json!({"areas": [2]}), 404),
            (serde_json::json!({"areas": [1, 2]}), 200),
            (serde_json::json!({"rol": "trabajador"}), 404),
            (serde_json::json!({"rol": "administrador", "areas": []}), 200),
        ] {
            sitio.pide("PATCH", &usuario).como(&admin).json(&cambio).envia().await.espera(200, "");
            let r = sitio.pide("GET", &ruta).como(&jefa).envia().await;
            assert_eq!(r.status, status, "{cambio}");
        }
        // Their token still says supervisor.
        sitio.pide("GET", "/usuarios").como(&jefa).envia().await.espera(200, "");
    }
}
