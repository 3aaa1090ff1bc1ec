//! Where a request ends, and what is no request at all.

use super::{assert_alive, assert_problem, assert_refused};
use crate::hostile_input::snapshot;
use sigra_testkit::{TestSite, both_databases, raw_http::send_and_hang_up, reporte_in};

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
