//! The description of the API: the snapshot, and what each operation must say.

use serde_json::{Value, json};

use sigra_testkit::{
    TestSite, both_databases,
    openapi::{OPENAPI_PATH, operations, resolve_ref},
};

/// `SIGRA_ACTUALIZAR=1 cargo test -p sigra-api --test it openapi` writes it anew.
#[both_databases]
async fn the_description_is_the_stored_one(sitio: &TestSite) {
    let r = sitio.request("GET", "/openapi.json").send().await;
    assert_eq!((r.status, r.json["openapi"].as_str()), (200, Some("3.1.0")));
    if std::env::var_os("SIGRA_ACTUALIZAR").is_some() {
        std::fs::write(OPENAPI_PATH, format!("{}\n", r.texto.trim_end())).unwrap();
    }
    let guardada = std::fs::read_to_string(OPENAPI_PATH).unwrap_or_default();
    assert!(
        guardada.trim_end() == r.texto.trim_end(),
        "docs/openapi.json no es lo que el servidor sirve; revise el cambio y actualícelo"
    );
}

#[both_databases]
async fn swagger_is_served_without_internet(sitio: &TestSite) {
    for (ruta, tipo) in [
        ("/docs", "text/html"),
        ("/docs/", "text/html"),
        ("/docs/inicio.js", "text/javascript"),
        ("/docs/swagger-ui.css", "text/css"),
        ("/docs/swagger-ui-bundle.js", "text/javascript"),
        ("/docs/favicon-32x32.png", "image/png"),
    ] {
        let r = sitio.request("GET", ruta).send().await;
        assert_eq!(r.status, 200, "{ruta}");
        assert!(r.header("content-type").starts_with(tipo), "{ruta}");
        assert!(
            r.header("content-security-policy")
                .contains("default-src 'none'"),
            "{ruta}"
        );
    }
    let pagina = sitio.request("GET", "/docs").send().await.texto;
    assert!(
        !pagina.contains("http://") && !pagina.contains("https://"),
        "{pagina}"
    );
}

/// Bytes of a file: there is nothing to show.
fn is_binary(tipo: &str) -> bool {
    [
        "application/octet-stream",
        "application/offset+octet-stream",
        "application/pdf",
        "image/jpeg",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ]
    .contains(&tipo)
}

#[test]
fn each_operation_is_described_in_full() {
    let todas = operations();
    assert!(todas.len() >= 30, "{}", todas.len());
    for op in todas {
        let nombre = format!("{} {}", op.metodo, op.ruta);
        let resumen = op.json["summary"].as_str().unwrap_or_default();
        assert!(resumen.len() > 5, "{nombre}: sin resumen");
        assert!(!op.permiso.is_empty(), "{nombre}: sin permiso");
        assert!(!op.codigos.is_empty(), "{nombre}: sin códigos");
        if let Some(cuerpo) = op.json.get("requestBody") {
            for (tipo, contenido) in cuerpo["content"].as_object().expect("content") {
                let ejemplo = contenido["example"].is_object() || is_binary(tipo);
                assert!(ejemplo, "{nombre}: cuerpo sin ejemplo");
            }
        }
        let respuestas = op.json["responses"].as_object().expect("respuestas");
        for (status, r) in respuestas {
            assert!(
                r["description"].as_str().is_some_and(|d| !d.is_empty()),
                "{nombre} {status}"
            );
            for (tipo, contenido) in r["content"].as_object().into_iter().flatten() {
                let ejemplo = &contenido["example"];
                let lo_tiene =
                    ejemplo.is_object() || tipo.starts_with("text/") && ejemplo.is_string();
                assert!(
                    lo_tiene || is_binary(tipo),
                    "{nombre} {status} {tipo}: respuesta sin ejemplo"
                );
            }
        }
        for codigo in &op.codigos {
            assert!(
                respuestas.values().any(|r: &Value| r["description"]
                    .as_str()
                    .is_some_and(|d| d.contains(&format!("`{codigo}`")))),
                "{nombre}: {codigo} no está entre sus respuestas"
            );
        }
    }
}

/// Whoever can't know how to ask for the next page has only the first one.
#[test]
fn each_paged_list_says_how_to_ask_for_pages() {
    let mut listas = 0;
    for op in operations() {
        let esquema = &op.json["responses"]["200"]["content"]["application/json"]["schema"];
        if resolve_ref(esquema)["properties"]["siguiente"].is_null() {
            continue;
        }
        listas += 1;
        let parametro = |nombre: &str| {
            let mut todos = op.json["parameters"].as_array().into_iter().flatten();
            let suyo = todos.find(|p| p["name"] == nombre && p["in"] == "query");
            suyo.unwrap_or_else(|| panic!("{} {}: sin {nombre}", op.metodo, op.ruta))
        };
        let limite = &parametro("limite")["schema"];
        let dicho = ["type", "minimum", "maximum", "default"].map(|k| &limite[k]);
        let esperado = [json!("integer"), json!(1), json!(200), json!(50)];
        assert_eq!(dicho, esperado.each_ref(), "{} {}", op.metodo, op.ruta);
        let cursor = &parametro("cursor")["schema"];
        assert_eq!(cursor["type"], "string", "{} {}", op.metodo, op.ruta);
    }
    assert!(listas >= 9, "{listas}");
}

/// What a field may be is said once, in what it refers to.
#[test]
fn the_bodies_say_what_is_accepted() {
    let campo = |ruta: &str, nombre: &str| {
        let todas = operations();
        let mut suyas = todas.iter().filter(|o| o.metodo == "POST");
        let op = suyas.find(|o| o.ruta == ruta);
        let op = op.unwrap_or_else(|| panic!("POST {ruta}: no está"));
        let cuerpo = resolve_ref(&op.json["requestBody"]["content"]["application/json"]["schema"]);
        let mut requeridos = cuerpo["required"].as_array().into_iter().flatten();
        let requerido = requeridos.any(|r| r == nombre);
        (
            resolve_ref(&cuerpo["properties"][nombre]).clone(),
            requerido,
        )
    };
    for (ruta, nombre) in [
        ("/auth/login", "rut"),
        ("/usuarios", "rut"),
        ("/reportes/{id}/acciones", "responsable_rut"),
    ] {
        let (esquema, requerido) = campo(ruta, nombre);
        let formas = esquema["oneOf"].as_array().into_iter().flatten();
        let tipos: Vec<&Value> = formas.map(|f| &f["type"]).collect();
        assert_eq!(tipos, ["integer", "string"], "{ruta}");
        assert!(requerido, "{ruta}");
    }
    for (que, obligatorio) in [("aprobar", false), ("rechazar", true)] {
        let (_, requerido) = campo(&format!("/admin/reportes/{{id}}/{que}"), "detalle");
        assert_eq!(requerido, obligatorio, "{que}");
    }
}

/// What people read is Spanish; the comments of the code, from which some of it comes, are not.
#[test]
fn the_description_is_in_spanish() {
    fn collect_english(nombre: &str, valor: &Value, ingleses: &mut Vec<String>) {
        const ENGLISH: [&str; 6] = [" the ", " of ", " its ", " is ", "What ", "Whose "];
        match valor {
            Value::String(t)
                if ["description", "summary"].contains(&nombre)
                    && ENGLISH.iter().any(|i| format!(" {t} ").contains(i)) =>
            {
                ingleses.push(t.clone());
            }
            Value::Object(o) => o.iter().for_each(|(n, v)| collect_english(n, v, ingleses)),
            Value::Array(a) => a.iter().for_each(|v| collect_english("", v, ingleses)),
            _ => {}
        }
    }
    let guardada = std::fs::read_to_string(OPENAPI_PATH).unwrap();
    let mut ingleses = Vec::new();
    collect_english("", &serde_json::from_str(&guardada).unwrap(), &mut ingleses);
    assert_eq!(ingleses, [] as [&str; 0]);
}
