//! The description of the API (OpenAPI 3.1), completed from what the router knows.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sigra_domain::Language;
use utoipa::{
    OpenApi as _,
    openapi::{
        Content, OpenApi, PathItem, Ref, RefOr, ResponseBuilder,
        extensions::ExtensionsBuilder,
        path::{Operation, Paths},
        security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
        },
    },
};

use crate::{
    auth::guard::{Permission, SESSION_COOKIE},
    code::{ALWAYS, Codigo},
    problem::Problema,
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "SIGRA",
        description = "Reportes de peligro de personas sin señal. Los errores son problemas RFC 9457 \
            con un `codigo` estable; `permanente: true` dice que enviar lo mismo otra vez no servirá.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "identidad", description = "Entrar, seguir dentro y salir"),
        (name = "reportes", description = "Crear, buscar, ver, editar y retirar reportes"),
        (name = "sync", description = "Lo que un teléfono envía y recibe cuando vuelve a tener señal"),
        (name = "multimedia", description = "Fotos, videos y documentos: enviarlos por partes y verlos"),
        (name = "notificaciones", description = "Lo que se avisa a cada persona"),
        (name = "administracion", description = "Decidir reportes y revisar las bitácoras"),
        (name = "usuarios", description = "Personas, sus roles y sus áreas"),
        (name = "catalogos", description = "Áreas, severidades, estados y transiciones"),
        (name = "operacion", description = "Salud del servicio")
    )
)]
struct Base;

/// What no operation says by itself.
pub fn base() -> OpenApi {
    Base::openapi()
}

/// The whole description, for tools and tests that have no server.
pub fn description(app: &crate::App) -> Value {
    serde_json::to_value(crate::router::routes(app).1).unwrap_or_default()
}

/// Adds an operation's permission and every problem it can answer.
pub fn describe(paths: &mut Paths, permiso: Permission, mut codigos: Vec<Codigo>) {
    codigos.extend(ALWAYS);
    codigos.sort_unstable();
    codigos.dedup();
    for item in paths.paths.values_mut() {
        for operacion in operations(item) {
            let nombres: Vec<&str> = codigos.iter().map(|c| c.code()).collect();
            // One extension for both: several would come out in no fixed order.
            let extensiones = ExtensionsBuilder::new()
                .add(
                    "x-sigra",
                    json!({"permiso": permiso.name(), "codigos": nombres}),
                )
                .build();
            operacion.extensions = Some(extensiones);
            let esquema = |nombre| SecurityRequirement::new::<_, [&str; 0], &str>(nombre, []);
            operacion.security = match permiso {
                Permission::Publico => None,
                p if p.allows_cookie() => Some(vec![esquema("bearer"), esquema("galleta")]),
                _ => Some(vec![esquema("bearer")]),
            };
            add_problem_responses(operacion, &codigos);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
        &mut item.head,
        &mut item.options,
    ]
    .into_iter()
    .flatten()
}

/// One response per status, with an example per code.
fn add_problem_responses(operacion: &mut Operation, codigos: &[Codigo]) {
    let mut por_status: BTreeMap<u16, Vec<Codigo>> = BTreeMap::new();
    for c in codigos {
        por_status.entry(c.status().as_u16()).or_default().push(*c);
    }
    for (status, codigos) in por_status {
        let descripcion: Vec<String> = codigos
            .iter()
            .map(|c| format!("`{}`: {}", c.code(), c.title(Language::Es)))
            .collect();
        let mut contenido = Content::new(Some(Ref::from_schema_name("Problema")));
        contenido.example = codigos
            .first()
            .map(|c| Problema::from(*c).json(Language::Es, "/reportes/17"));
        let respuesta = ResponseBuilder::new()
            .description(descripcion.join(" · "))
            .content("application/problem+json", contenido)
            .build();
        operacion
            .responses
            .responses
            .insert(status.to_string(), RefOr::T(respuesta));
    }
}

/// Adds what is the same for all: the problem's shape, the scheme of security, and to each body the
/// example of its schema.
pub fn complete(mut api: OpenApi) -> OpenApi {
    if let Some(componentes) = &mut api.components {
        componentes.security_schemes.insert(
            "bearer".to_owned(),
            RefOr::T(SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .bearer_format("JWT")
                    .description(Some("El access_token de /auth/login"))
                    .build(),
            )),
        );
        componentes.security_schemes.insert(
            "galleta".to_owned(),
            RefOr::T(SecurityScheme::ApiKey(ApiKey::Cookie(
                ApiKeyValue::with_description(
                    SESSION_COOKIE,
                    "La cookie que deja /auth/login, para <img> y otros GET que un navegador hace solo",
                ),
            ))),
        );
        if let Ok(esquema) = serde_json::from_value(problema_schema()) {
            componentes
                .schemas
                .insert("Problema".to_owned(), RefOr::T(esquema));
        }
    }
    let json = serde_json::to_value(&api).unwrap_or_default();
    for item in api.paths.paths.values_mut() {
        for operacion in operations(item) {
            if let Some(RefOr::T(body)) = &mut operacion.request_body {
                body.content
                    .values_mut()
                    .for_each(|c| add_example(c, &json));
            }
            for respuesta in operacion.responses.responses.values_mut() {
                if let RefOr::T(r) = respuesta {
                    r.content.values_mut().for_each(|c| add_example(c, &json));
                }
            }
        }
    }
    api
}

fn add_example(contenido: &mut RefOr<Content>, api: &Value) {
    let RefOr::T(contenido) = contenido else {
        return;
    };
    if contenido.example.is_none()
        && let Some(esquema) = &contenido.schema
    {
        let esquema = serde_json::to_value(esquema).unwrap_or_default();
        contenido.example = Some(example_from_schema(&esquema, api));
    }
}

/// The example a schema states, or one made of its parts'.
fn example_from_schema(esquema: &Value, api: &Value) -> Value {
    if let Some(dicho) = esquema.get("example") {
        return dicho.clone();
    }
    if let Some(referido) = esquema.get("$ref").and_then(Value::as_str) {
        return api
            .pointer(&referido[1..])
            .map_or(Value::Null, |s| example_from_schema(s, api));
    }
    if let Some(partes) = esquema.get("allOf").and_then(Value::as_array) {
        let objetos = partes.iter().map(|p| example_from_schema(p, api));
        return objetos
            .filter_map(|o| o.as_object().cloned())
            .flatten()
            .collect();
    }
    let tipo = esquema
        .get("type")
        .map(|t| t.as_str().or(t[0].as_str()).unwrap_or_default());
    match tipo {
        Some("array") => json!([example_from_schema(&esquema["items"], api)]),
        Some("object") => esquema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.clone(), example_from_schema(v, api)))
            .collect(),
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(1),
        _ => Value::Null,
    }
}

fn problema_schema() -> Value {
    json!({
        "type": "object",
        "description": "Un error, según RFC 9457.",
        "required": ["type", "title", "status", "detail", "instance", "codigo", "permanente"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "Qué pasó y qué hacer, para una persona."},
            "instance": {"type": "string"},
            "codigo": {"type": "string", "description": "Estable, para programas."},
            "permanente": {"type": "boolean", "description": "Enviar lo mismo otra vez no servirá."},
            "errores": {"type": "array", "items": {"type": "object", "properties": {
                "campo": {"type": "string"}, "codigo": {"type": "string"}, "mensaje": {"type": "string"}
            }}},
            "actual": {"type": "object", "description": "El reporte actual, cuando el del cliente está desfasado."},
            "reintentar_en": {"type": "integer", "description": "Segundos, como en Retry-After."},
            "id": {"type": "string", "description": "Para encontrar un error 500 en el registro del servidor."}
        }
    })
}
