//! Headers: too many, too large, and nonsense in those that mean something.

use super::{assert_alive, assert_problem, assert_refused, request};
use crate::hostile_input::snapshot;
use sigra_testkit::{TestSite, both_databases, reporte_in};

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
