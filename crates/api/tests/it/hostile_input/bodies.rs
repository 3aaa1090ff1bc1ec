//! Bodies: what is no JSON object, sizes, compression, types.

use serde_json::json;

use super::{assert_problema, concrete_path, example, reporte, snapshot};
use sigra_testkit::{
    ApiResponse, Persona, TestSite, both_databases,
    gzip::{gzip, gzip_bomb},
    iterations,
    openapi::operations,
    raw_http::send_raw,
    reporte_in,
};

/// A report's JSON padded to `largo` bytes.
fn padded_reporte(largo: usize) -> Vec<u8> {
    let mut v = reporte_in(1).to_string().into_bytes();
    v.resize(largo, b' ');
    v
}

async fn create(
    sitio: &TestSite,
    quien: &Persona,
    cuerpo: Vec<u8>,
    headers: &[(&str, &str)],
) -> ApiResponse {
    let mut p = sitio.request("POST", "/reportes").by(quien);
    for (nombre, valor) in headers {
        p = p.header(nombre, valor);
    }
    p.raw(cuerpo).send().await
}

type BrokenBody = (
    Vec<u8>,
    u16,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// Bodies that no operation takes, with what is said of them.
fn broken_bodies() -> Vec<BrokenBody> {
    const WRONG_TYPE: &[(&str, &str)] = &[("", "tipo")];
    let mut v: Vec<BrokenBody> = Vec::new();
    for texto in [
        "",
        " ",
        "\n",
        "{",
        "}",
        "{}x",
        "{} {}",
        "{\"@\"}",
        "{\"@\":}",
        "{'@': 1}",
        "{@: 1}",
        "{\"@\": 1,}",
        "nulo",
        "\u{feff}{}",
        "{\"@\": NaN}",
        "// {}",
        "a=1&b=2",
        "<a/>",
        "\0",
        "[",
        "\"",
    ] {
        v.push((texto.as_bytes().to_vec(), 400, "json_invalido", &[]));
    }
    for bytes in [
        &b"{\"@\": \"\xff\"}"[..],
        b"\xff\xfe{\0}\0",
        b"{\"@\": \"\xed\xa0\x80\"}",
        b"\x1f\x8b\x08",
    ] {
        v.push((bytes.to_vec(), 400, "json_invalido", &[]));
    }
    for texto in [
        "[]",
        "[{}]",
        "\"x\"",
        "3",
        "null",
        "true",
        "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]",
        " [] ",
    ] {
        v.push((
            texto.as_bytes().to_vec(),
            422,
            "datos_invalidos",
            WRONG_TYPE,
        ));
    }
    v.push(("[".repeat(100_000).into_bytes(), 400, "json_invalido", &[]));
    v
}

/// With the name of a field in its place: what an operation does not know, it does not read.
fn with_field(cuerpo: &[u8], campo: &str) -> Vec<u8> {
    let partes: Vec<&[u8]> = cuerpo.split(|b| *b == b'@').collect();
    partes.join(campo.as_bytes())
}

#[both_databases]
async fn no_operation_takes_what_is_not_a_json_object(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let id = reporte(sitio, &jefe).await;
    let antes = snapshot(sitio).await;
    let mut con_cuerpo = 0;
    for op in operations() {
        let Some(ejemplo) = example(&op) else {
            continue;
        };
        con_cuerpo += 1;
        let campo = ejemplo.as_object().unwrap().keys().next().unwrap();
        let ruta = concrete_path(&op, id, &jefe);
        let envia = async |tipo: Option<&str>, cuerpo: Vec<u8>| {
            let p = sitio.request(&op.metodo, &ruta).by(&jefe);
            match tipo {
                Some(tipo) => p.header("content-type", tipo).body(cuerpo).send().await,
                None => p.body(cuerpo).send().await,
            }
        };
        for (cuerpo, status, codigo, campos) in broken_bodies() {
            let cuerpo = with_field(&cuerpo, campo);
            let que = String::from_utf8_lossy(&cuerpo[..cuerpo.len().min(60)]).into_owned();
            let que = format!("{} {} {que}", op.metodo, op.ruta);
            let r = envia(Some("application/json"), cuerpo).await;
            assert_problema(&r, status, codigo, campos, &que);
        }
        // However deep, it is neither a text nor a number.
        for (abre, cierra) in [("[", "]"), ("{\"x\":", "}")] {
            let hondo = format!("{}1{}", abre.repeat(10_000), cierra.repeat(10_000));
            let r = envia(
                Some("application/json"),
                format!("{{\"{campo}\": {hondo}}}").into(),
            )
            .await;
            let r = r.expect_status(422, "datos_invalidos");
            let errores = r.json["errores"].as_array().unwrap();
            assert!(
                errores
                    .iter()
                    .any(|e| e["campo"] == **campo && e["codigo"] == "tipo"),
                "{}",
                r.texto
            );
        }
        for tipo in [
            None,
            Some(""),
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/jsonx"),
            Some("json"),
            Some("application/problem+json"),
            Some("application/xml, application/json"),
            Some(";"),
        ] {
            let r = envia(tipo, ejemplo.to_string().into_bytes()).await;
            assert_problema(
                &r,
                415,
                "tipo_de_contenido",
                &[],
                &format!("{} {} {tipo:?}", op.metodo, op.ruta),
            );
        }
    }
    assert!(con_cuerpo >= 14, "{con_cuerpo}");
    assert_eq!(snapshot(sitio).await, antes);
}

#[both_databases]
async fn repeated_json_keys_are_refused_and_unknown_ones_ignored(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let antes = snapshot(sitio).await;
    let doble = format!("{{\"titulo\": \"uno\", {}", &reporte_in(1).to_string()[1..]);
    let r = create(sitio, &jefe, doble.into_bytes(), &[]).await;
    assert_problema(
        &r,
        422,
        "datos_invalidos",
        &[("", "tipo")],
        "clave repetida",
    );
    assert_eq!(snapshot(sitio).await, antes);
    // A newer phone may say more than this server knows, however deep.
    let mas = format!(
        "{{\"futuro\": {}1{}, {}",
        "[".repeat(10_000),
        "]".repeat(10_000),
        &reporte_in(1).to_string()[1..]
    );
    assert_eq!(
        create(sitio, &jefe, mas.into_bytes(), &[]).await.status,
        201
    );
    for tipo in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;",
    ] {
        let p = sitio
            .request("POST", "/reportes")
            .by(&jefe)
            .header("content-type", tipo);
        assert_eq!(
            p.body(reporte_in(1).to_string()).send().await.status,
            201,
            "{tipo}"
        );
    }
}

#[both_databases]
async fn the_limit_is_on_the_decompressed_size(sitio: &TestSite) {
    const MIB: usize = 1 << 20;
    let jefe = sitio.administrador().await;
    let comprimido = [("content-encoding", "gzip")];
    assert_eq!(
        create(sitio, &jefe, padded_reporte(MIB), &[]).await.status,
        201
    );
    assert_eq!(
        create(sitio, &jefe, gzip(&padded_reporte(MIB)), &comprimido)
            .await
            .status,
        201
    );
    let antes = snapshot(sitio).await;
    for (que, cuerpo, headers) in [
        ("un byte de más", padded_reporte(MIB + 1), &[][..]),
        ("9 MiB", padded_reporte(9 * MIB), &[]),
        (
            "un byte de más, comprimido",
            gzip(&padded_reporte(MIB + 1)),
            &comprimido,
        ),
        ("10 MiB de ceros", gzip_bomb(10), &comprimido),
        ("200 MiB de ceros", gzip_bomb(200), &comprimido),
        (
            "muchas bombas seguidas",
            gzip_bomb(10).repeat(50),
            &comprimido,
        ),
    ] {
        let r = create(sitio, &jefe, cuerpo, headers).await;
        assert_problema(&r, 413, "cuerpo_muy_grande", &[], que);
    }
    // In pieces, with no length said beforehand.
    let trozo = format!("10000\r\n{}\r\n", " ".repeat(1 << 16));
    let pedido = format!(
        "POST /reportes HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
        jefe.token,
        trozo.repeat(9 * 16),
    );
    let v = send_raw(&sitio.url, pedido.as_bytes()).await;
    assert!(
        v.status == 413 && v.cuerpo.contains("cuerpo_muy_grande"),
        "{v:?}"
    );
    // Far beyond, the answer may meet a connection that is closed already; never anything else.
    let p = sitio
        .request("POST", "/reportes")
        .by(&jefe)
        .raw(padded_reporte(80 * MIB));
    if let Ok(r) = p.attempt().await {
        assert_problema(&r, 413, "cuerpo_muy_grande", &[], "80 MiB");
    }
    // The public operations too.
    for ruta in ["/auth/login", "/auth/refresh"] {
        let r = sitio
            .request("POST", ruta)
            .header("content-encoding", "gzip")
            .raw(gzip_bomb(10))
            .send()
            .await;
        assert_problema(&r, 413, "cuerpo_muy_grande", &[], ruta);
    }
    assert_eq!(snapshot(sitio).await, antes);
}

/// An answer that comes before the body was read must reach whoever is still sending it.
#[both_databases]
async fn the_answer_arrives_though_the_body_is_not_read(sitio: &TestSite) {
    let (jefe, otro) = (sitio.administrador().await, sitio.trabajador().await);
    let grande = padded_reporte(9 << 20);
    for _ in 0..iterations(100) {
        for (metodo, ruta, token, tipo, status, codigo) in [
            (
                "POST",
                "/reportes",
                "no",
                "application/json",
                401,
                "token_invalido",
            ),
            (
                "POST",
                "/usuarios",
                &*otro.token,
                "application/json",
                403,
                "sin_permiso",
            ),
            (
                "POST",
                "/nada",
                &jefe.token,
                "application/json",
                404,
                "ruta_no_existe",
            ),
            (
                "DELETE",
                "/reportes",
                &jefe.token,
                "application/json",
                405,
                "metodo_no_permitido",
            ),
            (
                "POST",
                "/reportes",
                &jefe.token,
                "text/plain",
                415,
                "tipo_de_contenido",
            ),
            (
                "POST",
                "/reportes",
                &jefe.token,
                "application/json",
                413,
                "cuerpo_muy_grande",
            ),
        ] {
            let p = sitio
                .request(metodo, ruta)
                .token(token)
                .header("content-type", tipo);
            p.body(grande.clone())
                .send()
                .await
                .expect_status(status, codigo);
        }
    }
}

#[both_databases]
async fn only_well_formed_gzip_is_accepted(sitio: &TestSite) {
    let jefe = sitio.administrador().await;
    let bueno = gzip(reporte_in(1).to_string().as_bytes());
    assert_eq!(
        create(sitio, &jefe, bueno.clone(), &[("content-encoding", "gzip")])
            .await
            .status,
        201
    );
    let bueno = gzip(reporte_in(1).to_string().as_bytes());
    let sin = json!(reporte_in(1)).to_string().into_bytes();
    assert_eq!(
        create(
            sitio,
            &jefe,
            sin.clone(),
            &[("content-encoding", "identity")]
        )
        .await
        .status,
        201
    );

    let antes = snapshot(sitio).await;
    let mut suma_mala = bueno.clone();
    let fin = suma_mala.len() - 8;
    suma_mala[fin] ^= 1;
    let mut en_medio = bueno.clone();
    en_medio[bueno.len() / 2] ^= 0x55;
    for (que, cuerpo) in [
        ("cortado", bueno[..bueno.len() / 2].to_vec()),
        ("sin final", bueno[..bueno.len() - 4].to_vec()),
        ("solo la cabecera", bueno[..10].to_vec()),
        ("suma mala", suma_mala),
        ("alterado en medio", en_medio),
        ("no es gzip", sin.clone()),
        (
            "basura",
            vec![
                0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
            ],
        ),
    ] {
        let r = create(sitio, &jefe, cuerpo, &[("content-encoding", "gzip")]).await;
        assert_problema(&r, 400, "cuerpo_ilegible", &[], que);
    }
    for (que, cuerpo, codificacion) in [
        ("dos veces", gzip(&bueno), "gzip"),
        ("vacío", gzip(b""), "gzip"),
        ("sin decirlo", bueno.clone(), "identity"),
    ] {
        let r = create(sitio, &jefe, cuerpo, &[("content-encoding", codificacion)]).await;
        assert_problema(&r, 400, "json_invalido", &[], que);
    }
    for codificacion in [
        "br",
        "deflate",
        "zstd",
        "compress",
        "gzip, gzip",
        "gzip;q=1",
        "x",
        "",
        "*",
        "gzip,identity",
    ] {
        let r = create(
            sitio,
            &jefe,
            bueno.clone(),
            &[("content-encoding", codificacion)],
        )
        .await;
        assert_problema(&r, 415, "tipo_de_contenido", &[], codificacion);
    }
    assert_eq!(snapshot(sitio).await, antes);
}
