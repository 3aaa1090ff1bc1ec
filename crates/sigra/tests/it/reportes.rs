//! Section 4 of the contract: a report is created, seen, edited and withdrawn.

mod acciones;
mod catalogos;
mod comentarios;
pub mod contenido;
mod crear;
mod edicion;
mod permisos;
mod retiro;
mod similares;

use serde_json::{Value, json};

use crate::{
    arnes::{Pedido, Persona, Respuesta, Sitio, openapi::operaciones},
    en_ambas,
};

async fn ver(sitio: &Sitio, quien: &Persona, id: i64) -> Respuesta {
    sitio
        .pide("GET", &format!("/reportes/{id}"))
        .como(quien)
        .envia()
        .await
}

fn edita(sitio: &Sitio, quien: &Persona, id: i64, cambio: &Value) -> Pedido {
    sitio
        .pide("PUT", &format!("/reportes/{id}"))
        .como(quien)
        .json(cambio)
}

fn decide(sitio: &Sitio, quien: &Persona, id: i64, como: &str) -> Pedido {
    sitio
        .pide("POST", &format!("/admin/reportes/{id}/{como}"))
        .como(quien)
        .json(&json!({"detalle": "visto en terreno"}))
}

async fn bitacora(sitio: &Sitio, quien: &Persona, id: i64) -> Vec<Value> {
    let ruta = format!("/reportes/{id}/bitacora/");
    let r = sitio.pide("GET", &ruta).como(quien).envia().await;
    assert_eq!(r.status, 200, "{}", r.texto);
    r.json["items"].as_array().unwrap().clone()
}

/// The fields that an error names, with their codes.
fn errores(r: &Respuesta) -> Vec<(&str, &str)> {
    let lista = r.json["errores"].as_array().into_iter().flatten();
    lista
        .map(|e| (e["campo"].as_str().unwrap(), e["codigo"].as_str().unwrap()))
        .collect()
}

en_ambas! {
    async fn un_etag_igual_es_304(sitio: &Sitio) {
        let autor = sitio.trabajador().await;
        let creado = sitio.reporte(&autor, 1).await;
        let (id, uuid) = (creado["id"].as_i64().unwrap(), creado["uuid_cliente"].as_str().unwrap());
        for ruta in [format!("/reportes/{id}"), format!("/reportes/uuid/{}", uuid.to_uppercase())] {
            for (etag, status) in [
                ("\"1\"", 304), ("W/\"1\"", 304), ("\"0\", \"1\"", 304), ("*", 304), ("\"2\"", 200),
                ("1", 200), ("", 200), ("\"11\"", 200),
            ] {
                let r = sitio.pide("GET", &ruta).como(&autor).header("if-none-match", etag).envia().await;
                assert_eq!((r.status, r.header("etag")), (status, "\"1\""), "{ruta} {etag}");
                if status == 304 {
                    assert_eq!(r.texto, "");
                } else {
                    assert_eq!(r.json, creado);
                }
            }
        }
        edita(sitio, &autor, id, &json!({"titulo": "Otro", "version": 1})).envia().await;
        let r = sitio.pide("GET", &format!("/reportes/{id}")).como(&autor).header("if-none-match", "\"1\"");
        let r = r.envia().await;
        assert_eq!((r.status, r.header("etag"), r.version()), (200, "\"2\"", 2));
    }

    /// Each operation of the description, asked for things that are not there.
    async fn cada_ruta_responde_con_barra_final_y_sin_ella(sitio: &Sitio) {
        let admin = sitio.administrador().await;
        for op in operaciones() {
            let ruta: Vec<&str> = op.ruta.split('/').collect();
            let ruta = ruta.iter().map(|p| if p.starts_with('{') { "999999" } else { p });
            let ruta = ruta.collect::<Vec<_>>().join("/");
            let mut respuestas = Vec::new();
            for fin in ["", "/", "/?limite=7", "?limite=7"] {
                // Some operations end the session that they are called with.
                let quien = sitio.sesion(admin.quien.clone()).await;
                let pedido = sitio.pide(&op.metodo, &format!("{ruta}{fin}")).como(&quien);
                let r = if op.metodo == "GET" { pedido } else { pedido.json(&json!({})) };
                let r = r.envia().await;
                respuestas.push((r.status, r.codigo().to_owned()));
            }
            assert!(respuestas.iter().all(|r| *r == respuestas[0]), "{} {ruta}: {respuestas:?}", op.metodo);
            let (status, codigo) = &respuestas[0];
            assert!(*status != 405 && codigo != "ruta_no_existe", "{} {ruta}: {status}", op.metodo);
        }
    }

    async fn los_problemas_se_leen_en_espanol_o_en_ingles(sitio: &Sitio) {
        let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
        let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
        decide(sitio, &jefe, id, "aprobar").envia().await;
        let pedidos = || [
            sitio.pide("GET", "/reportes/999").como(&autor),
            sitio.pide("GET", "/no-existe"),
            sitio.pide("GET", "/reportes"),
            edita(sitio, &autor, id, &json!({"titulo": "Otro"})),
            edita(sitio, &autor, id, &json!({"titulo": "Otro", "version": 1})),
            edita(sitio, &autor, id, &json!({"titulo": "Otro", "version": 2})),
            edita(sitio, &autor, id, &json!({"estado_id": 1, "version": 2})),
            decide(sitio, &jefe, id, "rechazar"),
            sitio.pide("POST", "/reportes").como(&autor).json(&json!({"area_id": "x", "descripcion": "\0"})),
            sitio.pide("POST", "/reportes").como(&autor).crudo("{"),
            sitio.pide("GET", "/reportes?limite=0&rut=1-1&desde=x").como(&autor),
            sitio.pide("GET", "/reportes?cursor=x").como(&autor),
        ];
        for (aceptado, idioma) in [
            ("en", "en"), ("en-US,en;q=0.9", "en"), ("es;q=0.5, en", "en"), ("fr, en;q=0.1", "en"),
            ("es-CL,es;q=0.9,en;q=0.8", "es"), ("es", "es"), ("fr", "es"), ("", "es"), ("*", "es"),
        ] {
            for (pedido, base) in pedidos().into_iter().zip(pedidos()) {
                let r = pedido.header("accept-language", aceptado).envia().await;
                let es = base.envia().await;
                assert_eq!(r.header("content-language"), idioma, "{aceptado}: {}", r.texto);
                assert_eq!((r.status, r.codigo(), errores(&r)), (es.status, es.codigo(), errores(&es)));
                for campo in ["title", "detail"] {
                    assert_eq!(r.json[campo] == es.json[campo], idioma == "es", "{aceptado}: {}", r.texto);
                }
                let mensajes = |r: &Respuesta| -> Vec<String> {
                    let lista = r.json["errores"].as_array().into_iter().flatten();
                    lista.map(|e| e["mensaje"].as_str().unwrap().to_owned()).collect()
                };
                for (m, n) in mensajes(&r).iter().zip(mensajes(&es)) {
                    assert_eq!(*m == n, idioma == "es", "{aceptado}: {m}");
                }
            }
        }
    }
}
