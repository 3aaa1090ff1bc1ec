//! Methods and paths.

use super::{assert_alive, assert_problem, assert_refused, request};
use crate::hostile_input::snapshot;
use sigra_testkit::{TestSite, both_databases};

#[both_databases]
async fn crooked_paths_are_400_or_404(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let antes = snapshot(sitio).await;
    let token = format!("authorization: Bearer {}\r\n", jefe.token);
    for ruta in [
        "/%00",
        "/%ff",
        "/..",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/docs/../readyz",
        "/docs/%2e%2e/readyz",
        "/docs/..%2fopenapi.json",
        "/.git/config",
        "/reportes/1/2/3",
        "/*",
        "/reportes;x=1",
        "/REPORTES",
        "/reportes%2f1",
        "/reportes%00",
        "/\u{feff}",
        "/admin",
        "/~",
        "/%",
        "/%zz",
        "/docs/inicio.js%00",
        "/'\"<script>",
    ] {
        let v = request(sitio, &format!("GET {ruta}"), &token).await;
        if v.status != 400 {
            assert_problem(&v, 404, "ruta_no_existe", ruta);
        }
    }
    for ruta in [
        "/reportes/%00",
        "/reportes/%ff",
        "/reportes/0",
        "/reportes/-1",
        "/reportes/1e3",
        "/reportes/1.0",
        "/reportes/99999999999999999999",
        "/reportes/9223372036854775807",
        "/reportes/uno",
        "/reportes/%31%00",
        "/reportes/..",
        "/reportes/%2e%2e",
        "/reportes/ ".trim_end(),
        "/reportes/+1",
        "/reportes/uuid/x",
        "/reportes/uuid/%00",
        "/reportes/uuid/%ff",
        "/reportes/9/bitacora",
        "/reportes/uuid/00000000-0000-0000-0000-000000000000",
        "/usuarios/%00",
        "/usuarios/%ff",
        "/usuarios/12345678-9",
        "/usuarios/..",
        "/usuarios/99999999999999999999",
        "/usuarios/1%2f2",
    ] {
        let v = request(sitio, &format!("GET {ruta}"), &token).await;
        if ruta != "/reportes/" {
            assert_problem(&v, 404, "no_encontrado", ruta);
        }
    }
    for (metodo, ruta) in [
        ("DELETE", "/auth/sesiones/%00"),
        ("DELETE", "/auth/sesiones/99999999999999999999"),
    ] {
        assert_problem(
            &request(sitio, &format!("{metodo} {ruta}"), &token).await,
            404,
            "no_encontrado",
            ruta,
        );
    }
    // Long, and beyond what a head may have.
    let larga = format!("GET /reportes/{}", "x".repeat(30_000));
    assert_problem(
        &request(sitio, &larga, &token).await,
        404,
        "no_encontrado",
        "larga",
    );
    for n in [65_000, 70_000, 1_000_000] {
        let v = request(sitio, &format!("GET /{}", "x".repeat(n)), &token).await;
        assert!(
            matches!(v.status, 0 | 400 | 404 | 414 | 431),
            "{n}: {} {}",
            v.status,
            v.cabeza
        );
    }
    // With and without the trailing slash, and never twice over.
    for ruta in ["/reportes", "/reportes/", "/healthz/", "/catalogos/"] {
        assert_eq!(
            request(sitio, &format!("GET {ruta}"), &token).await.status,
            200,
            "{ruta}"
        );
    }
    assert_eq!(snapshot(sitio).await, antes);
    assert_alive(sitio).await;
}

#[both_databases]
async fn unknown_methods_are_405(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let token = format!("authorization: Bearer {}\r\n", jefe.token);
    let antes = snapshot(sitio).await;
    for metodo in [
        "BREW",
        "TRACE",
        "OPTIONS",
        "PATCH",
        "get",
        "M-SEARCH",
        "PROPFIND",
        &"X".repeat(1_000),
    ] {
        for ruta in [
            "/reportes",
            "/auth/login",
            "/healthz",
            "/openapi.json",
            "/docs",
            "/catalogos",
        ] {
            let v = request(sitio, &format!("{metodo} {ruta}"), &token).await;
            assert_problem(&v, 405, "metodo_no_permitido", &format!("{metodo} {ruta}"));
            assert!(
                v.cabeza.contains("\r\nallow: "),
                "{metodo} {ruta}: {}",
                v.cabeza
            );
        }
        assert_problem(
            &request(sitio, &format!("{metodo} /nada"), "").await,
            404,
            "ruta_no_existe",
            metodo,
        );
    }
    assert_refused(
        &request(sitio, "CONNECT otro.sitio:443", "").await,
        "CONNECT",
    );
    for ruta in ["/reportes", "/healthz", "/openapi.json", "/reportes/999"] {
        let get = request(sitio, &format!("GET {ruta}"), &token).await;
        let head = request(sitio, &format!("HEAD {ruta}"), &token).await;
        assert_eq!((head.status, &*head.cuerpo), (get.status, ""), "{ruta}");
    }
    assert_eq!(snapshot(sitio).await, antes);
    assert_alive(sitio).await;
}
