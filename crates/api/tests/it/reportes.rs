//! Section 4 of the contract: a report is created, seen, edited and withdrawn.

mod acciones;
mod catalogos;
mod comentarios;
mod contenido;
mod crear;
mod edit;
#[cfg(not(feature = "pdf"))]
mod informe_not_included;
mod permissions;
mod similar;
mod withdraw;

use serde_json::{Value, json};

use sigra_testkit::{
    ApiResponse, Persona, TestRequest, TestSite, both_databases, openapi::operations,
};

async fn get_reporte(sitio: &TestSite, quien: &Persona, id: i64) -> ApiResponse {
    sitio
        .request("GET", &format!("/reportes/{id}"))
        .by(quien)
        .send()
        .await
}

fn edit(sitio: &TestSite, quien: &Persona, id: i64, cambio: &Value) -> TestRequest {
    sitio
        .request("PUT", &format!("/reportes/{id}"))
        .by(quien)
        .json(cambio)
}

fn decide(sitio: &TestSite, quien: &Persona, id: i64, como: &str) -> TestRequest {
    sitio
        .request("POST", &format!("/admin/reportes/{id}/{como}"))
        .by(quien)
        .json(&json!({"detalle": "visto en terreno"}))
}

/// The fields that an error names, with their codes.
fn error_codes(r: &ApiResponse) -> Vec<(&str, &str)> {
    let lista = r.json["errores"].as_array().into_iter().flatten();
    lista
        .map(|e| (e["campo"].as_str().unwrap(), e["codigo"].as_str().unwrap()))
        .collect()
}

#[both_databases]
async fn a_matching_etag_is_304(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let creado = sitio.reporte(&autor, 1).await;
    let (id, uuid) = (
        creado["id"].as_i64().unwrap(),
        creado["uuid_cliente"].as_str().unwrap(),
    );
    for ruta in [
        format!("/reportes/{id}"),
        format!("/reportes/uuid/{}", uuid.to_uppercase()),
    ] {
        for (etag, status) in [
            ("\"1\"", 304),
            ("W/\"1\"", 304),
            ("\"0\", \"1\"", 304),
            ("*", 304),
            ("\"2\"", 200),
            ("1", 200),
            ("", 200),
            ("\"11\"", 200),
        ] {
            let r = sitio
                .request("GET", &ruta)
                .by(&autor)
                .header("if-none-match", etag)
                .send()
                .await;
            assert_eq!(
                (r.status, r.header("etag")),
                (status, "\"1\""),
                "{ruta} {etag}"
            );
            if status == 304 {
                assert_eq!(r.texto, "");
            } else {
                assert_eq!(r.json, creado);
            }
        }
    }
    edit(sitio, &autor, id, &json!({"titulo": "Otro", "version": 1}))
        .send()
        .await;
    let r = sitio
        .request("GET", &format!("/reportes/{id}"))
        .by(&autor)
        .header("if-none-match", "\"1\"");
    let r = r.send().await;
    assert_eq!((r.status, r.header("etag"), r.version()), (200, "\"2\"", 2));
}

/// Each operation of the description, asked for things that are not there.
#[both_databases]
async fn each_route_answers_with_and_without_a_trailing_slash(sitio: &TestSite) {
    let admin = sitio.administrador().await;
    for op in operations() {
        let ruta: Vec<&str> = op.ruta.split('/').collect();
        let ruta = ruta
            .iter()
            .map(|p| if p.starts_with('{') { "999999" } else { p });
        let ruta = ruta.collect::<Vec<_>>().join("/");
        let mut respuestas = Vec::new();
        for fin in ["", "/", "/?limite=7", "?limite=7"] {
            // Some operations end the session that they are called with.
            let quien = sitio.session(admin.quien.clone()).await;
            let pedido = sitio
                .request(&op.metodo, &format!("{ruta}{fin}"))
                .by(&quien);
            let r = if op.metodo == "GET" {
                pedido
            } else {
                pedido.json(&json!({}))
            };
            let r = r.send().await;
            respuestas.push((r.status, r.code().to_owned()));
        }
        assert!(
            respuestas.iter().all(|r| *r == respuestas[0]),
            "{} {ruta}: {respuestas:?}",
            op.metodo
        );
        let (status, codigo) = &respuestas[0];
        assert!(
            *status != 405 && codigo != "ruta_no_existe",
            "{} {ruta}: {status}",
            op.metodo
        );
    }
}

#[both_databases]
async fn problems_can_be_read_in_spanish_or_in_english(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    decide(sitio, &jefe, id, "aprobar").send().await;
    let pedidos = || {
        [
            sitio.request("GET", "/reportes/999").by(&autor),
            sitio.request("GET", "/no-existe"),
            sitio.request("GET", "/reportes"),
            edit(sitio, &autor, id, &json!({"titulo": "Otro"})),
            edit(sitio, &autor, id, &json!({"titulo": "Otro", "version": 1})),
            edit(sitio, &autor, id, &json!({"titulo": "Otro", "version": 2})),
            edit(sitio, &autor, id, &json!({"estado_id": 1, "version": 2})),
            decide(sitio, &jefe, id, "rechazar"),
            sitio
                .request("POST", "/reportes")
                .by(&autor)
                .json(&json!({"area_id": "x", "descripcion": "\0"})),
            sitio.request("POST", "/reportes").by(&autor).raw("{"),
            sitio
                .request("GET", "/reportes?limite=0&rut=1-1&desde=x")
                .by(&autor),
            sitio.request("GET", "/reportes?cursor=x").by(&autor),
        ]
    };
    for (aceptado, idioma) in [
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("es;q=0.5, en", "en"),
        ("fr, en;q=0.1", "en"),
        ("es-CL,es;q=0.9,en;q=0.8", "es"),
        ("es", "es"),
        ("fr", "es"),
        ("", "es"),
        ("*", "es"),
    ] {
        for (pedido, base) in pedidos().into_iter().zip(pedidos()) {
            let r = pedido.header("accept-language", aceptado).send().await;
            let es = base.send().await;
            assert_eq!(
                r.header("content-language"),
                idioma,
                "{aceptado}: {}",
                r.texto
            );
            assert_eq!(
                (r.status, r.code(), error_codes(&r)),
                (es.status, es.code(), error_codes(&es))
            );
            for campo in ["title", "detail"] {
                assert_eq!(
                    r.json[campo] == es.json[campo],
                    idioma == "es",
                    "{aceptado}: {}",
                    r.texto
                );
            }
            let mensajes = |r: &ApiResponse| -> Vec<String> {
                let lista = r.json["errores"].as_array().into_iter().flatten();
                lista
                    .map(|e| e["mensaje"].as_str().unwrap().to_owned())
                    .collect()
            };
            for (m, n) in mensajes(&r).iter().zip(mensajes(&es)) {
                assert_eq!(*m == n, idioma == "es", "{aceptado}: {m}");
            }
        }
    }
}
