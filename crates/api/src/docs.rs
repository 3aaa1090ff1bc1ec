//! `/docs`: Swagger UI out of the binary, with no internet; and the headers every answer carries.

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::App;

const HTML: &str = "text/html; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// Name under `/docs`, type, bytes.
const FILES: [(&str, &str, &[u8]); 5] = [
    ("", HTML, include_bytes!("../assets/swagger-ui/index.html")),
    (
        "/inicio.js",
        JS,
        include_bytes!("../assets/swagger-ui/inicio.js"),
    ),
    (
        "/swagger-ui.css",
        CSS,
        include_bytes!("../assets/swagger-ui/swagger-ui.css"),
    ),
    (
        "/swagger-ui-bundle.js",
        JS,
        include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js"),
    ),
    (
        "/favicon-32x32.png",
        "image/png",
        include_bytes!("../assets/swagger-ui/favicon-32x32.png"),
    ),
];

/// Nothing but our own files may run, and nobody may frame it.
const DOCS_CSP: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; \
    img-src 'self' data:; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn routes() -> Router<App> {
    FILES
        .iter()
        .fold(Router::new(), |router, (nombre, tipo, bytes)| {
            router.route(
                &format!("/docs{nombre}"),
                get(move || {
                    std::future::ready(
                        [
                            (header::CONTENT_TYPE, *tipo),
                            (header::CACHE_CONTROL, "public, max-age=3600"),
                            (header::CONTENT_SECURITY_POLICY, DOCS_CSP),
                        ]
                        .into_response()
                        .map(|_| Body::from(*bytes)),
                    )
                }),
            )
        })
}

pub fn openapi_json(json: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

/// Answers of the API are private to their reader and inert in a browser.
pub async fn set_headers(request: Request, next: Next) -> Response {
    let mut r = next.run(request).await;
    let h = r.headers_mut();
    for (nombre, valor) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "private, no-cache"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        h.entry(nombre).or_insert(HeaderValue::from_static(valor));
    }
    r
}
