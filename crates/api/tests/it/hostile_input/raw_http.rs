//! HTTP as no client library would write it: heads, paths, methods, lengths.

use super::snapshot;
use sigra_testkit::{
    TestSite, both_databases,
    raw_http::{RawResponse, send_and_hang_up, send_raw},
    reporte_in,
};

async fn request(sitio: &TestSite, linea: &str, headers: &str) -> RawResponse {
    let todo = format!("{linea} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    send_raw(&sitio.url, todo.as_bytes()).await
}

/// Answered with a problem of this kind.
fn assert_problem(v: &RawResponse, status: u16, codigo: &str, que: &str) {
    let que: String = que.chars().take(120).collect();
    assert_eq!((v.status, &*v.code()), (status, codigo), "{que:?}: {v:?}");
    assert!(
        v.cabeza.contains("content-type: application/problem+json"),
        "{que}"
    );
}

/// What the HTTP library itself refuses has no body, but a 4xx or a closed connection.
fn assert_refused(v: &RawResponse, que: &str) {
    let que: String = que.chars().take(120).collect();
    assert!(matches!(v.status, 0 | 400..=499), "{que:?}: {v:?}");
}

async fn assert_alive(sitio: &TestSite) {
    assert_eq!(sitio.request("GET", "/readyz").send().await.status, 200);
}

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

#[both_databases]
async fn nonsense_headers_do_no_harm(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let token = format!("authorization: Bearer {}\r\n", jefe.token);
    // Too large for a head, or no head at all.
    for (que, headers) in [
        ("una de 100 kB", format!("x: {}\r\n", "a".repeat(100_000))),
        ("una de 10 MB", format!("x: {}\r\n", "a".repeat(10_000_000))),
        ("5.000", "x: 1\r\n".repeat(5_000)),
        (
            "nombre de 100 kB",
            format!("{}: 1\r\n", "a".repeat(100_000)),
        ),
        ("sin dos puntos", "hola\r\n".to_owned()),
        ("espacio antes de los dos puntos", "x : 1\r\n".to_owned()),
        ("con NUL", "x: \0\r\n".to_owned()),
        ("nombre vacío", ": 1\r\n".to_owned()),
    ] {
        let v = request(sitio, "GET /reportes", &format!("{headers}{token}")).await;
        assert_refused(&v, que);
        assert_alive(sitio).await;
    }
    for autorizacion in [
        "",
        "x",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ..",
        "Basic dXNlcjpwYXNz",
        "bearer\tx",
        "Bearer \u{f1}",
        "Bearer %00",
        "Bearer null",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        &format!("Bearer {}", "a".repeat(30_000)),
        &format!("Bearer {} x", jefe.token),
    ] {
        let v = request(
            sitio,
            "GET /reportes",
            &format!("authorization: {autorizacion}\r\n"),
        )
        .await;
        assert!(
            v.status == 401 && ["no_autenticado", "token_invalido"].contains(&&*v.code()),
            "{autorizacion}: {v:?}"
        );
        assert!(
            v.cabeza.contains("www-authenticate: bearer"),
            "{autorizacion}"
        );
    }
    for (idioma, detalle) in [
        ("", "No existe"),
        (";;;", "No existe"),
        ("en;q=x", ""),
        ("*", ""),
        ("xx-YY", "No existe"),
        ("es-CL, en;q=0.9", "No existe"),
        ("en", "It does not exist"),
        ("en;q=0", "No existe"),
        ("\u{f1}\u{1f4a5}", "No existe"),
        (&"en,".repeat(9_000), "It does not exist"),
        ("q=1;en", ""),
    ] {
        let v = request(
            sitio,
            "GET /reportes/999",
            &format!("{token}accept-language: {idioma}\r\n"),
        )
        .await;
        assert_problem(&v, 404, "no_encontrado", idioma);
        assert!(
            v.cuerpo.contains(detalle),
            "{}: {}",
            &idioma[..idioma.len().min(20)],
            v.cuerpo
        );
    }
    for cabecera in [
        "accept-encoding: x;q=9, *;q=-1\r\n",
        "accept: nada\r\n",
        "cookie: ;;;=\u{1f4a5}; sigra_sesion=x\r\n",
        "range: bytes=9-1\r\n",
        "x-forwarded-for: 1.2.3, ::::, \u{f1}\r\n",
        "user-agent: \u{1f4a5}\r\n",
        "expect: 100-continue\r\n",
        "te: trailers, deflate;q=0.5\r\n",
        "if-none-match: W/\"\r\n",
        "if-modified-since: ayer\r\n",
        "upgrade: h2c\r\nconnection: upgrade\r\n",
    ] {
        let v = request(sitio, "GET /catalogos", cabecera).await;
        assert_eq!(v.status, 200, "{cabecera}: {v:?}");
    }
    assert_alive(sitio).await;
}

#[both_databases]
async fn invalid_idempotency_keys_are_refused(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let antes = snapshot(sitio).await;
    let manda_con = async |clave: &str| {
        let cuerpo = reporte_in(1).to_string();
        request(sitio, "POST /reportes", &format!(
                "authorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nidempotency-key: {clave}\r\n\r\n{cuerpo}",
                jefe.token, cuerpo.len(),
            )).await
    };
    for clave in [
        "",
        "con espacio",
        "ñ",
        "a\tb",
        "💥",
        &"x".repeat(256),
        &"x".repeat(20_000),
    ] {
        assert_problem(&manda_con(clave).await, 400, "idempotencia_invalida", clave);
    }
    assert_eq!(snapshot(sitio).await, antes);
    for clave in [
        "x",
        &"x".repeat(255),
        "!~\"#%{}",
        "'; DROP TABLE idempotencia; --".replace(' ', "_").as_str(),
    ] {
        assert_eq!(manda_con(clave).await.status, 201, "{clave}");
    }
}

#[both_databases]
async fn lying_content_lengths_do_no_harm(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let antes = snapshot(sitio).await;
    let con = |headers: &str, cuerpo: &str| {
        format!(
            "POST /reportes HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
                content-type: application/json\r\n{headers}\r\n\r\n{cuerpo}",
            jefe.token
        )
    };
    let json = reporte_in(1).to_string();
    let n = json.len();
    for (que, pedido, status, codigo) in [
        (
            "más corto que lo dicho",
            con(&format!("content-length: {}", n + 1), &json),
            400,
            "cuerpo_ilegible",
        ),
        (
            "más largo que lo dicho",
            con(&format!("content-length: {}", n - 1), &json),
            400,
            "json_invalido",
        ),
        ("sin largo", con("x: 1", &json), 400, "json_invalido"),
        (
            "trozo cortado",
            con("transfer-encoding: chunked", "ff\r\n{"),
            400,
            "cuerpo_ilegible",
        ),
        (
            "trozo sin fin",
            con("transfer-encoding: chunked", "1\r\n{\r\n"),
            400,
            "cuerpo_ilegible",
        ),
        (
            "trozo de largo imposible",
            con("transfer-encoding: chunked", "ffffffffffffffffffff\r\n{"),
            400,
            "cuerpo_ilegible",
        ),
        (
            "trozo que no es número",
            con("transfer-encoding: chunked", "zz\r\n{}"),
            400,
            "cuerpo_ilegible",
        ),
        (
            "trozos con extensión enorme",
            con(
                "transfer-encoding: chunked",
                &format!("1;{}\r\n{{", "x".repeat(50_000)),
            ),
            400,
            "cuerpo_ilegible",
        ),
    ] {
        assert_problem(
            &send_and_hang_up(&sitio.url, pedido.as_bytes()).await,
            status,
            codigo,
            que,
        );
    }
    for (que, headers) in [
        ("negativo", "content-length: -1"),
        ("no es número", "content-length: x"),
        ("con signo", "content-length: +5"),
        ("dos distintos", "content-length: 5\r\ncontent-length: 6"),
        ("enorme", "content-length: 99999999999999999999999"),
        ("otra codificación", "transfer-encoding: x"),
    ] {
        assert_refused(
            &send_and_hang_up(&sitio.url, con(headers, &json).as_bytes()).await,
            que,
        );
    }
    // Both lengths: whichever is believed, nothing is smuggled in behind it.
    let doble = con(
        &format!("content-length: {n}\r\ntransfer-encoding: chunked"),
        &format!("0\r\n\r\nGET /nada HTTP/1.1\r\nhost: x\r\n\r\n{json}"),
    );
    let v = send_and_hang_up(&sitio.url, doble.as_bytes()).await;
    assert_refused(&v, "los dos largos");
    assert!(!v.cuerpo.contains("HTTP/1.1"), "{v:?}");
    assert_eq!(snapshot(sitio).await, antes);
    // In pieces of a byte it is a report like any other.
    let trozos: Vec<String> = json
        .bytes()
        .map(|b| format!("1\r\n{}\r\n", char::from(b)))
        .collect();
    let trozos = trozos.concat();
    let ascii = json.is_ascii();
    let v = send_and_hang_up(
        &sitio.url,
        con("transfer-encoding: chunked", &format!("{trozos}0\r\n\r\n")).as_bytes(),
    )
    .await;
    assert_eq!(v.status, if ascii { 201 } else { 400 }, "{v:?}");
    assert_alive(sitio).await;
}

#[both_databases]
async fn what_is_not_http_is_refused(sitio: &TestSite) {
    for bytes in [
        &b"\r\n\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\0\0\0\0",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let v = send_and_hang_up(&sitio.url, bytes).await;
        assert_refused(&v, &String::from_utf8_lossy(bytes));
    }
    for largo in [1_000, 100_000] {
        let azar: Vec<u8> = (0..largo)
            .map(|i| u8::try_from(i * 31 % 251).unwrap())
            .collect();
        assert_refused(&send_and_hang_up(&sitio.url, &azar).await, "bytes al azar");
    }
    assert_alive(sitio).await;
}
