//! The server under people who mean ill: its memory stays flat.

use sigra_testkit::{
    gzip::{gzip, gzip_bomb},
    iterations,
    memory::{MIB, peak, resident},
    process::ServerProcess,
    raw_http::send_raw,
    reporte_in, run_concurrently,
};

/// Requests that anybody can send, each meant to cost more than it should.
fn abusive_requests() -> Vec<Vec<u8>> {
    let post = |ruta: &str, headers: &str, cuerpo: &[u8]| {
        let mut v = format!(
            "POST {ruta} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}\
             content-length: {}\r\n\r\n", cuerpo.len()
        ).into_bytes();
        v.extend(cuerpo);
        v
    };
    let get = |ruta: &str, headers: &str| {
        format!("GET {ruta} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n").into_bytes()
    };
    let gz = "content-encoding: gzip\r\n";
    let hondo = format!("{{\"rut\": {}", "[".repeat(900_000));
    let claves: Vec<String> = (0..60_000).map(|i| format!("\"k{i}\": [{i}], ")).collect();
    let claves = claves.concat();
    vec![
        post("/auth/login", gz, &gzip_bomb(10)),
        post("/auth/login", gz, &gzip_bomb(100)),
        post("/auth/refresh", gz, &gzip_bomb(10).repeat(20)),
        post("/auth/login", gz, &gzip(&gzip_bomb(100))),
        post("/auth/login", "", &vec![b' '; 9 << 20]),
        post("/auth/login", "", hondo.as_bytes()),
        post(
            "/auth/refresh",
            "",
            format!("{{{claves}\"x\": 1}}").as_bytes(),
        ),
        post(
            "/auth/refresh",
            "",
            format!("{{\"refresh_token\": [{}1]}}", "{\"\":0},".repeat(130_000)).as_bytes(),
        ),
        post(
            "/auth/login",
            "",
            format!("{{\"rut\": [{}1]}}", "{\"\":0},".repeat(130_000)).as_bytes(),
        ),
        post(
            "/auth/login",
            "",
            format!(
                "{{\"device_id\": {{\"x\": [{}1]}}}}",
                "{\"\":0},".repeat(130_000)
            )
            .as_bytes(),
        ),
        post("/reportes", "", reporte_in(1).to_string().as_bytes()),
        post("/nada", "", &vec![b'x'; 3 << 20]),
        get(&format!("/catalogos?{}", "a=1&".repeat(12_000)), ""),
        get("/catalogos", &format!("x: {}\r\n", "a".repeat(60_000))),
        get("/catalogos", &format!("x: {}\r\n", "a".repeat(5_000_000))),
        get(
            &format!("/{}", "%00".repeat(15_000)),
            "accept-language: en\r\n",
        ),
        get("/openapi.json", "accept-encoding: br\r\n"),
    ]
}

/// The real binary: a test among others can't tell its own memory from theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_does_not_grow_under_abuse() {
    let dir = tempfile::tempdir().expect("directorio");
    let base = format!("sqlite:{}", dir.path().join("sigra.db").display());
    let servidor = ServerProcess::start(&base, dir.path(), &[])
        .await
        .expect("arranca");
    let abusos: Vec<_> = abusive_requests()
        .into_iter()
        .map(std::sync::Arc::new)
        .collect();
    let chunk = async |vueltas: usize| {
        for _ in 0..vueltas {
            let tareas = abusos.iter().cloned().map(|abuso| {
                let url = servidor.url.clone();
                async move { send_raw(&url, &abuso).await.status }
            });
            for status in run_concurrently(tareas).await {
                assert!(status < 500, "{status}");
            }
        }
    };
    let antes = resident(servidor.pid());
    chunk(iterations(200)).await;
    let (despues, maxima) = (resident(servidor.pid()), peak(servidor.pid()));
    println!(
        "antes {} MiB, después {} MiB, máxima {} MiB",
        antes / MIB,
        despues / MIB,
        maxima / MIB
    );
    assert!(maxima < antes + 64 * MIB, "{antes} {maxima}");
    let v = send_raw(
        &servidor.url,
        b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(v.status, 200);
    assert!(servidor.terminate().await.success());
}
