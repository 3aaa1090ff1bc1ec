//! Too many sync calls of one session are sent away before their body is read.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::hostile_input;
use sigra_testkit::{
    ApiResponse, Persona, SiteOptions, TestSite, both_databases, gzip::gzip_bomb, openapi,
    raw_http::connect, reporte_in, uuid,
};

fn three_per_minute() -> SiteOptions {
    SiteOptions {
        sync_por_minuto: 3,
        ..SiteOptions::default()
    }
}

async fn estado(sitio: &TestSite, quien: &Persona) -> ApiResponse {
    sitio.request("GET", "/sync/status").by(quien).send().await
}

/// The members of a `RateLimit` or `RateLimit-Policy` header.
#[track_caller]
fn members(r: &ApiResponse, header: &str) -> Vec<(String, i64)> {
    let valor = r
        .header(header)
        .strip_prefix("\"sync\";")
        .unwrap_or_else(|| panic!("{header}: {r:?}"));
    let par = |p: &str| {
        let (nombre, n) = p.split_once('=').expect(header);
        (nombre.to_owned(), n.parse().expect(header))
    };
    valor.split(';').map(par).collect()
}

/// How many calls are left and for how many seconds to wait.
#[track_caller]
fn parse_quota(r: &ApiResponse) -> (i64, i64) {
    assert_eq!(
        members(r, "ratelimit-policy"),
        [("q".to_owned(), 3), ("w".to_owned(), 60)]
    );
    let [(r, quedan), (t, espera)] = &members(r, "ratelimit")[..] else {
        panic!("{r:?}")
    };
    assert_eq!((&**r, &**t), ("r", "t"));
    (*quedan, *espera)
}

/// The whole of a refusal; the seconds it tells.
#[track_caller]
fn assert_throttled(r: &ApiResponse) -> i64 {
    assert_eq!(
        (r.status, r.code()),
        (429, "demasiadas_sincronizaciones"),
        "{}",
        r.texto
    );
    assert_eq!(r.json["permanente"], false);
    let (quedan, espera) = parse_quota(r);
    assert_eq!(quedan, 0);
    assert_eq!(
        (r.header("retry-after"), &r.json["reintentar_en"]),
        (&*espera.to_string(), &json!(espera))
    );
    // One call in twenty seconds.
    assert!((1..=20).contains(&espera), "{espera}");
    espera
}

fn assert_no_quota(r: &ApiResponse) {
    assert!(
        r.headers
            .keys()
            .all(|h| !h.as_str().starts_with("ratelimit")),
        "{r:?}"
    );
}

/// No call of the session is left.
async fn exhaust(sitio: &TestSite, quien: &Persona) {
    for _ in 0..3 {
        estado(sitio, quien).await.expect_status(200, "");
    }
    assert_throttled(&estado(sitio, quien).await);
}

#[both_databases(three_per_minute())]
async fn the_fourth_call_waits_and_then_passes(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for quedan in [2, 1, 0] {
        let r = sitio
            .send_batch(&autor, &[reporte_in(1)])
            .await
            .expect_status(200, "");
        let (dichas, espera) = parse_quota(&r);
        assert_eq!(dichas, quedan);
        assert!((1..=60).contains(&espera), "{espera}");
    }
    let antes = hostile_input::snapshot(sitio).await;
    let nuevo = reporte_in(1);
    let espera = assert_throttled(&sitio.send_batch(&autor, std::slice::from_ref(&nuevo)).await);
    assert_eq!(hostile_input::snapshot(sitio).await, antes);
    // Half the time is not enough, and asking too early costs nothing.
    sitio.store.env().advance(espera * 500);
    let espera = assert_throttled(&sitio.send_batch(&autor, std::slice::from_ref(&nuevo)).await);
    sitio.store.env().advance(espera * 1_000);
    let r = sitio
        .send_batch(&autor, std::slice::from_ref(&nuevo))
        .await
        .expect_status(200, "");
    assert_eq!(
        (r.json["resumen"].clone(), parse_quota(&r).0),
        (json!({"creado": 1}), 0)
    );
    assert_throttled(&estado(sitio, &autor).await);
    // After a minute all three are there again.
    sitio.store.env().advance(60_000);
    assert_eq!(
        parse_quota(&estado(sitio, &autor).await.expect_status(200, "")).0,
        2
    );
    assert_eq!(
        estado(sitio, &autor).await.json["limites"]["sync_por_minuto"],
        3
    );
}

#[both_databases(three_per_minute())]
async fn the_body_of_a_throttled_request_is_not_read(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    // Made first: packing them takes so long that the session might call again.
    let bomb = gzip_bomb(200);
    exhaust(sitio, &autor).await;
    // Too large, no JSON, no gzip: nobody looks.
    for (headers, cuerpo) in [
        (&[][..], vec![b'x'; 12 << 20]),
        (&[("content-encoding", "gzip")], b"esto no es gzip".to_vec()),
        (&[("content-encoding", "gzip")], bomb),
        (&[("content-type", "text/plain")], b"hola".to_vec()),
    ] {
        let mut pedido = sitio.request("POST", "/sync/batch").by(&autor);
        for (nombre, valor) in headers {
            pedido = pedido.header(nombre, valor);
        }
        assert_throttled(&pedido.body(cuerpo).send().await);
    }
    // It is not even waited for.
    let mut c = connect(&sitio.url).await;
    let cabeza = format!(
        "POST /sync/batch HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
            content-type: application/json\r\ncontent-length: 8000000\r\n\r\n{{",
        autor.token
    );
    c.write_all(cabeza.as_bytes()).await.unwrap();
    let mut primeros = [0; 12];
    let lee = c.read_exact(&mut primeros);
    tokio::time::timeout(std::time::Duration::from_secs(10), lee)
        .await
        .expect("responde")
        .unwrap();
    assert_eq!(&primeros, b"HTTP/1.1 429");
}

#[both_databases(three_per_minute())]
async fn requests_are_counted_by_session_and_not_by_persona(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let (otro_telefono, otra) = (
        sitio.session(autor.quien.clone()).await,
        sitio.trabajador().await,
    );
    exhaust(sitio, &autor).await;
    exhaust(sitio, &otro_telefono).await;
    exhaust(sitio, &otra).await;
    // Another token of the same session is no other session.
    let mismo = Persona {
        token: autor.issue_token(&sitio.tokens, sitio.store.env()),
        ..autor
    };
    assert_throttled(&estado(sitio, &mismo).await);
}

#[both_databases(three_per_minute())]
async fn all_of_sync_is_throttled_and_nothing_else(sitio: &TestSite) {
    let autor = sitio.administrador().await;
    let id = sitio
        .create(&autor, &reporte_in(1))
        .await
        .expect_status(201, "")
        .id();
    let mut frenadas = 0;
    for op in openapi::operations() {
        let quien = sitio.administrador().await;
        let ruta = op
            .ruta
            .replace("{id}", "999999")
            .replace("{rut}", "1")
            .replace("{uuid_cliente}", &uuid());
        let llama = async || {
            sitio
                .request(&op.metodo, &ruta)
                .by(&quien)
                .json(&json!({}))
                .send()
                .await
        };
        if !op.ruta.starts_with("/sync/") {
            assert_no_quota(&llama().await);
            continue;
        }
        frenadas += 1;
        // Whoever is not let in spends nothing.
        let r = sitio
            .request(&op.metodo, &ruta)
            .json(&json!({}))
            .send()
            .await;
        assert_no_quota(&r.expect_status(401, "no_autenticado"));
        // A call that goes wrong is a call.
        for quedan in [2, 1, 0] {
            let r = llama().await;
            assert_eq!(
                (r.status < 429, parse_quota(&r).0),
                (true, quedan),
                "{} {ruta}: {r:?}",
                op.metodo
            );
        }
        assert_throttled(&llama().await);
        assert_throttled(&estado(sitio, &quien).await);
    }
    assert!(frenadas >= 6, "{frenadas}");
    exhaust(sitio, &autor).await;
    sitio
        .create(&autor, &reporte_in(1))
        .await
        .expect_status(201, "");
    for ruta in [
        &*format!("/reportes/{id}"),
        "/reportes",
        "/auth/me",
        "/catalogos",
        "/admin/dispositivos",
    ] {
        assert_no_quota(
            &sitio
                .request("GET", ruta)
                .by(&autor)
                .send()
                .await
                .expect_status(200, ""),
        );
    }
    assert_throttled(&estado(sitio, &autor).await);
}

#[both_databases]
async fn without_throttling_there_is_no_limit_and_no_header(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for _ in 0..100 {
        let r = estado(sitio, &autor).await.expect_status(200, "");
        assert_no_quota(&r);
        assert_eq!(r.json["limites"]["sync_por_minuto"], 0);
    }
}
