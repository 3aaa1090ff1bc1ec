//! Files on their way out: whole, in parts, by a link, in a browser.

use serde_json::json;
use sigra_api::{SigningKey, Tokens};
use sigra_domain::{Instante, Rol};

use super::serve::{SECRET as PLACE, photo_with_gps};
use crate::login::{PASSWORD, log_in, login_persona};
use sigra_testkit::{
    ApiResponse, Persona, SECRET, SiteOptions, TestSite, both_databases, client,
    files::{FilesFixture, Photo, progressive_photo, reporte_with},
    uuid,
};

/// A report of `autor` with this file, which has come, and its copies; the file's id.
async fn upload_to_new_reporte(sitio: &TestSite, autor: &Persona, foto: &Photo) -> i64 {
    let r = sitio
        .create(autor, &reporte_with(&[foto]))
        .await
        .expect_status(201, "");
    let taller = FilesFixture::new(sitio);
    taller.send(autor, foto).await.unwrap();
    while taller.files.make_previews().await.unwrap() {}
    r.json["multimedia"][0]["id"].as_i64().unwrap()
}

async fn request(
    sitio: &TestSite,
    quien: &Persona,
    ruta: &str,
    headers: &[(&str, &str)],
) -> ApiResponse {
    let mut pedido = sitio.request("GET", ruta).by(quien);
    for (nombre, valor) in headers {
        pedido = pedido.header(nombre, valor);
    }
    pedido.send().await
}

#[both_databases]
async fn a_file_is_served_in_ranges_and_by_etag(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let foto = photo_with_gps();
    let id = upload_to_new_reporte(sitio, &autor, &foto).await;
    let largo = foto.bytes.len();
    let etag = format!("\"{}\"", foto.sha256());
    let ruta = format!("/multimedia/{id}");
    let comprime = [("accept-encoding", "gzip, br, zstd")];
    let r = request(sitio, &autor, &ruta, &comprime)
        .await
        .expect_status(200, "");
    for (nombre, valor) in [
        ("etag", etag.as_str()),
        ("accept-ranges", "bytes"),
        ("content-type", "image/jpeg"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-cache"),
        ("content-encoding", ""),
        (
            "content-security-policy",
            "default-src 'none'; sandbox; frame-ancestors 'none'",
        ),
        (
            "content-disposition",
            "inline; filename=\"roca.jpg\"; filename*=UTF-8''roca.jpg",
        ),
        ("content-length", &largo.to_string()),
    ] {
        assert_eq!(r.header(nombre), valor, "{nombre}");
    }
    for (rango, desde, hasta) in [
        ("bytes=0-9", 0, 10),
        ("bytes=10-", 10, largo),
        ("bytes=-5", largo - 5, largo),
        ("bytes=5-999999999", 5, largo),
    ] {
        let r = request(
            sitio,
            &autor,
            &ruta,
            &[("range", rango), ("if-range", &etag)],
        )
        .await
        .expect_status(206, "");
        assert_eq!(
            r.header("content-range"),
            format!("bytes {desde}-{}/{largo}", hasta - 1)
        );
        assert_eq!(r.header("content-length"), (hasta - desde).to_string());
        assert_eq!(
            sitio.get_range(&autor, &ruta, rango).await,
            foto.bytes.slice(desde..hasta),
            "{rango}"
        );
    }
    for (headers, status) in [
        (vec![("range", "bytes=0-9"), ("if-range", "\"otra\"")], 200),
        (vec![("range", "bytes=0-1,3-4")], 200),
        (vec![("range", "lineas=1-2")], 200),
        (vec![("if-none-match", etag.as_str())], 304),
        (vec![("if-none-match", "*")], 304),
        (vec![("if-none-match", "\"otra\"")], 200),
        (
            vec![("if-none-match", etag.as_str()), ("range", "bytes=0-9")],
            304,
        ),
    ] {
        let r = request(sitio, &autor, &ruta, &headers).await;
        assert_eq!(
            (r.status, r.header("etag")),
            (status, etag.as_str()),
            "{headers:?}"
        );
    }
    let r = request(
        sitio,
        &autor,
        &ruta,
        &[("range", &format!("bytes={largo}-"))],
    )
    .await;
    let r = r.expect_status(416, "rango_imposible");
    assert_eq!(r.header("content-range"), format!("bytes */{largo}"));
    let r = sitio.request("HEAD", &ruta).by(&autor).send().await;
    assert_eq!(
        (r.status, r.header("content-length"), r.texto.as_str()),
        (200, largo.to_string().as_str(), "")
    );
    // The copies are other files.
    let mut etiquetas = vec![etag];
    for resto in ["/miniatura", "/vista"] {
        let r = request(sitio, &autor, &format!("{ruta}{resto}"), &[])
            .await
            .expect_status(200, "");
        assert_eq!(r.header("content-type"), "image/jpeg");
        etiquetas.push(r.header("etag").to_owned());
    }
    etiquetas.dedup();
    assert_eq!(etiquetas.len(), 3);
}

#[both_databases]
async fn what_cannot_be_shown_is_downloaded(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let danada = Photo::new(4_000);
    let pdf = Photo {
        uuid: uuid(),
        bytes: [
            &b"%PDF-1.7\n"[..],
            &b"% un plano de la galeria 4\n".repeat(400),
        ]
        .concat()
        .into(),
        tipo: "application/pdf",
    };
    for archivo in [danada, pdf] {
        let id = upload_to_new_reporte(sitio, &autor, &archivo).await;
        let ruta = format!("/multimedia/{id}");
        // Nothing in between packs it: parts of it would be parts of something else.
        let comprime = ("accept-encoding", "gzip, br, zstd");
        let entero = request(sitio, &autor, &ruta, &[comprime])
            .await
            .expect_status(200, "");
        let parte = request(sitio, &autor, &ruta, &[comprime, ("range", "bytes=5-3004")])
            .await
            .expect_status(206, "");
        for (r, largo) in [(entero, archivo.bytes.len()), (parte, 3_000)] {
            assert_eq!(r.header("content-type"), archivo.tipo);
            assert!(
                r.header("content-disposition")
                    .starts_with("attachment; filename=\"roca.jpg\""),
                "{r:?}"
            );
            assert_eq!(
                (r.header("content-encoding"), r.header("content-length")),
                ("", largo.to_string().as_str())
            );
        }
    }
}

#[both_databases]
async fn a_link_lasts_as_long_as_it_says(sitio: &TestSite) {
    let (autor, ajeno) = (sitio.trabajador().await, sitio.trabajador().await);
    let foto = photo_with_gps();
    let id = upload_to_new_reporte(sitio, &autor, &foto).await;
    let otro = upload_to_new_reporte(sitio, &autor, &Photo::new(4_000)).await;
    let link = async |quien: &Persona, id: i64| {
        sitio
            .request("GET", &format!("/multimedia/{id}/url"))
            .by(quien)
            .send()
            .await
    };
    link(&ajeno, id).await.expect_status(404, "no_encontrado");
    // Of a damaged photo no copy without location can be promised.
    link(&autor, otro).await.expect_status(404, "sin_vista");
    let r = link(&autor, id).await.expect_status(200, "").json;
    let url = r["url"].as_str().unwrap().to_owned();
    let expira = Instante::parse(r["expira"].as_str().unwrap()).unwrap();
    let baja = async |url: &str| sitio.request("GET", url).send().await;
    let r = baja(&url).await.expect_status(200, "");
    assert_eq!(r.header("content-type"), "image/jpeg");
    // Without where it was taken, and the same in parts.
    let copia = sitio.get_range(&ajeno, &url, "bytes=0-").await;
    assert!(foto.bytes.len() > copia.len() || foto.bytes != copia);
    let secreto = PLACE;
    assert!(
        !copia.windows(secreto.len()).any(|v| v == secreto),
        "la copia dice dónde"
    );
    assert_eq!(
        sitio.get_range(&ajeno, &url, "bytes=7-90").await,
        copia.slice(7..91)
    );
    let (ruta, firma) = url.split_once("?firma=").unwrap();
    let mut alterada = firma.to_owned().into_bytes();
    let medio = alterada.len() / 2;
    alterada[medio] = if alterada[medio] == b'A' { b'B' } else { b'A' };
    let expirada = sitio
        .tokens
        .sign_archivo(id, Instante(expira.0 - 3 * Instante::HOUR))
        .unwrap();
    let ajena = Tokens::new(&[SigningKey {
        kid: "prueba".into(),
        secreto: [9; 32],
    }]);
    let ajena = ajena.sign_archivo(id, expira).unwrap();
    for (mala, codigo) in [
        (
            format!("{ruta}?firma={}", String::from_utf8(alterada).unwrap()),
            "url_invalida",
        ),
        (
            format!("/multimedia/{otro}/copia?firma={firma}"),
            "url_invalida",
        ),
        (format!("{ruta}?firma={expirada}"), "url_vencida"),
        (format!("{ruta}?firma={ajena}"), "url_invalida"),
        (format!("{ruta}?firma={}", autor.token), "url_invalida"),
        (ruta.to_owned(), "url_invalida"),
        (format!("{ruta}?firma="), "url_invalida"),
    ] {
        baja(&mala).await.expect_status(403, codigo);
    }
    // What signs a link opens nothing else.
    sitio
        .request("GET", "/auth/me")
        .token(firma)
        .send()
        .await
        .expect_status(401, "token_invalido");
    // A server with a new key knows the old one's links; one without the old does not.
    let clave = |kid: &str, n: u8| SigningKey {
        kid: kid.into(),
        secreto: [n; 32],
    };
    let vieja = SigningKey {
        kid: "prueba".into(),
        secreto: SECRET,
    };
    let ahora = sitio.store.env().now();
    let girados = Tokens::new(&[clave("nueva", 1), vieja]);
    assert!(girados.verify_archivo(firma, id, ahora).is_ok());
    assert!(
        Tokens::new(&[clave("nueva", 1)])
            .verify_archivo(firma, id, ahora)
            .is_err()
    );
    sitio.store.env().advance(Instante::HOUR + 1_000);
    baja(&url).await.expect_status(403, "url_vencida");
    // Whoever took the file away took it from the link too.
    let admin = sitio.administrador().await;
    let r = link(&admin, id).await.expect_status(200, "").json;
    let quita = sitio
        .request("DELETE", &format!("/multimedia/{id}"))
        .by(&admin);
    quita
        .json(&json!({"detalle": "Se ve a una persona."}))
        .send()
        .await
        .expect_status(204, "");
    baja(r["url"].as_str().unwrap())
        .await
        .expect_status(410, "archivo_eliminado");
}

#[both_databases]
async fn a_browser_shows_the_photos(sitio: &TestSite) {
    let persona = login_persona(sitio, Rol::Trabajador).await;
    let id = upload_to_new_reporte(sitio, &persona, &photo_with_gps()).await;
    let r = log_in(sitio, &persona, PASSWORD)
        .await
        .expect_status(200, "");
    let cookie = r.header("set-cookie").split(';').next().unwrap().to_owned();
    let con = async |metodo: &str, ruta: &str, cookie: &str| {
        sitio
            .request(metodo, ruta)
            .header("cookie", cookie)
            .send()
            .await
    };
    for resto in ["", "/miniatura", "/vista"] {
        let ruta = format!("/multimedia/{id}{resto}");
        for galletas in [
            cookie.clone(),
            format!("otra=1; {cookie}"),
            format!("{cookie}; b=2"),
        ] {
            assert_eq!(con("GET", &ruta, &galletas).await.status, 200, "{galletas}");
        }
        con("GET", &ruta, "sigra_sesion=x.y.z")
            .await
            .expect_status(401, "token_invalido");
        con("GET", &ruta, "otra=1")
            .await
            .expect_status(401, "no_autenticado");
    }
    for (metodo, ruta) in [("GET", "/url"), ("DELETE", "")] {
        let r = con(metodo, &format!("/multimedia/{id}{ruta}"), &cookie).await;
        r.expect_status(401, "no_autenticado");
    }
    sitio.store.env().advance(16 * 60_000);
    con("GET", &format!("/multimedia/{id}"), &cookie)
        .await
        .expect_status(401, "token_vencido");
}

/// What has not come, what is being made, what was taken away, what was withdrawn.
#[both_databases]
async fn a_file_that_is_not_there_says_why(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let foto = photo_with_gps();
    let r = sitio.create(&autor, &reporte_with(&[&foto])).await.json;
    let id = &r["multimedia"][0]["id"];
    let ver =
        async |resto: &str| request(sitio, &autor, &format!("/multimedia/{id}{resto}"), &[]).await;
    for resto in ["", "/miniatura", "/url"] {
        let r = ver(resto).await.expect_status(404, "archivo_pendiente");
        assert_eq!(r.json["permanente"], false);
    }
    let taller = FilesFixture::new(sitio);
    taller.send(&autor, &foto).await.unwrap();
    ver("").await.expect_status(200, "");
    for resto in ["/miniatura", "/vista", "/url"] {
        ver(resto).await.expect_status(404, "vista_en_proceso");
    }
    taller.files.make_previews().await.unwrap();
    ver("/miniatura").await.expect_status(200, "");
    // A file with a strange name is data.
    let mut extrana = photo_with_gps();
    extrana.bytes = [&extrana.bytes[..], b"x"].concat().into();
    let mut nuevo = reporte_with(&[&extrana]);
    nuevo["multimedia"][0]["nombre"] = json!("../../etc/\"roca; ñandú\".jpg");
    let otro = sitio
        .create(&autor, &nuevo)
        .await
        .expect_status(201, "")
        .json;
    taller.send(&autor, &extrana).await.unwrap();
    let ruta = otro["multimedia"][0]["url"].as_str().map_or(
        format!("/multimedia/{}", otro["multimedia"][0]["id"]),
        Into::into,
    );
    let r = request(sitio, &autor, &ruta, &[])
        .await
        .expect_status(200, "");
    assert_eq!(
        r.header("content-disposition"),
        "inline; filename=\"_roca; _and__.jpg\"; filename*=UTF-8''%22roca%3B%20%C3%B1and%C3%BA%22.jpg"
    );
    let quita = |que: &str| {
        sitio
            .request("DELETE", que)
            .by(&admin)
            .json(&json!({"detalle": "Error.", "version": 2}))
    };
    quita(&format!("/multimedia/{id}"))
        .send()
        .await
        .expect_status(204, "");
    for resto in ["", "/miniatura", "/url"] {
        ver(resto).await.expect_status(410, "archivo_eliminado");
    }
    quita(&format!("/reportes/{}", otro["id"]))
        .send()
        .await
        .expect_status(204, "");
    request(sitio, &autor, &ruta, &[])
        .await
        .expect_status(410, "reporte_retirado");
}
#[both_databases]
async fn without_a_place_to_store_it_is_not_ready(sitio: &TestSite) {
    let carpeta = sitio.archivos.dir().unwrap();
    let lejos = carpeta.with_extension("lejos");
    std::fs::rename(carpeta, &lejos).unwrap();
    sitio
        .request("GET", "/readyz")
        .send()
        .await
        .expect_status(503, "no_disponible");
    sitio
        .request("GET", "/healthz")
        .send()
        .await
        .expect_status(200, "");
    std::fs::rename(&lejos, carpeta).unwrap();
    sitio
        .request("GET", "/readyz")
        .send()
        .await
        .expect_status(200, "");
}

/// Where S3 is public, it answers by itself; but not for a file of which parts must be left out.
#[both_databases(SiteOptions { s3_publico: true, ..SiteOptions::with_s3() })]
async fn a_public_s3_answers_by_presigned_url(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let (con, sin) = (photo_with_gps(), progressive_photo());
    let ids = [
        upload_to_new_reporte(sitio, &autor, &con).await,
        upload_to_new_reporte(sitio, &autor, &sin).await,
    ];
    let mut urls = vec![];
    for id in ids {
        let r = sitio
            .request("GET", &format!("/multimedia/{id}/url"))
            .by(&autor)
            .send()
            .await;
        urls.push(
            r.expect_status(200, "").json["url"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert!(urls[0].starts_with("/multimedia/"), "{}", urls[0]);
    assert!(
        urls[1].starts_with("http://127.0.0.1:") && urls[1].contains("attachment"),
        "{}",
        urls[1]
    );
    let http = client::http();
    let r = http.get(&urls[1]).send().await.unwrap();
    assert_eq!(r.status().as_u16(), 200);
    assert!(r.bytes().await.unwrap() == sin.bytes);
    let alterada = urls[1].replace("Expires=300", "Expires=3000");
    assert_ne!(alterada, urls[1]);
    assert_eq!(
        http.get(&alterada).send().await.unwrap().status().as_u16(),
        403
    );
}
