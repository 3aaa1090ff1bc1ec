//! A file in as many requests as it takes, and the report that gets it.

use serde_json::json;
use sigra_domain::Instante;

use super::{UPLOAD_CONTENT_TYPE, append, begin_upload, start_upload, tus, upload_offset};
use sigra_testkit::files::{FilesFixture, Photo, progressive_photo, reporte_with};
use sigra_testkit::{TestSite, both_databases};

#[both_databases]
async fn the_server_says_what_it_supports(sitio: &TestSite) {
    let r = sitio
        .request("OPTIONS", "/multimedia/tus")
        .send()
        .await
        .expect_status(204, "");
    for (nombre, valor) in [
        ("tus-resumable", "1.0.0"),
        ("tus-version", "1.0.0"),
        ("tus-max-size", "209715200"),
        (
            "tus-extension",
            "creation,creation-with-upload,termination,checksum,expiration",
        ),
        ("tus-checksum-algorithm", "sha1,sha256"),
    ] {
        assert_eq!(r.header(nombre), valor, "{nombre}");
    }
}

#[both_databases]
async fn a_photo_in_three_requests_is_whole(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let foto = Photo::new(30_000);
    let reporte = sitio
        .create(&autor, &reporte_with(&[&foto]))
        .await
        .expect_status(201, "")
        .json;
    assert_eq!(reporte["sync_status"], "multimedia_pendiente");
    let archivo = &reporte["multimedia"][0];
    let dicho = (&archivo["estado"], &archivo["url_subida"], &archivo["url"]);
    assert_eq!(
        dicho,
        (&json!("pendiente"), &json!("/multimedia/tus"), &json!(null))
    );
    let r = begin_upload(sitio, &autor, &foto.headers(None))
        .await
        .expect_status(201, "");
    let lugar = r.header("location").to_owned();
    assert!(lugar.starts_with("/multimedia/tus/"), "{lugar}");
    assert_eq!(
        (r.header("upload-offset"), r.header("tus-resumable")),
        ("0", "1.0.0")
    );
    let expira = httpdate(r.header("upload-expires"));
    let resto = 7 * Instante::DAY - (expira - sitio.store.env().now().0);
    assert!((0..Instante::HOUR).contains(&resto), "{resto}");
    // The same creation again: the same place, whose offset counts.
    for (desde, hasta) in [(0, 10_000), (10_000, 10_001), (10_001, 30_000)] {
        assert_eq!(start_upload(sitio, &autor, &foto).await, lugar);
        assert_eq!(
            upload_offset(sitio, &autor, &lugar).await,
            (200, desde.to_string())
        );
        let r = append(sitio, &autor, &lugar, desde, &foto.bytes[desde..hasta])
            .await
            .expect_status(204, "");
        assert_eq!(r.header("upload-offset"), hasta.to_string());
    }
    // It ended: HEAD still tells, the creation too, and an empty PATCH changes nothing.
    assert_eq!(
        upload_offset(sitio, &autor, &lugar).await,
        (200, "30000".into())
    );
    let r = begin_upload(sitio, &autor, &foto.headers(None))
        .await
        .expect_status(201, "");
    assert_eq!(
        (r.header("location"), r.header("upload-offset")),
        (lugar.as_str(), "30000")
    );
    append(sitio, &autor, &lugar, 30_000, &[])
        .await
        .expect_status(204, "");
    let ruta = format!("/reportes/{}", reporte["id"]);
    let visto = sitio
        .request("GET", &ruta)
        .by(&autor)
        .send()
        .await
        .expect_status(200, "")
        .json;
    let archivo = &visto["multimedia"][0];
    assert_eq!(
        (&visto["sync_status"], &visto["version"]),
        (&json!("completo"), &json!(2))
    );
    assert_eq!(
        (&archivo["subido"], &archivo["url_subida"]),
        (&json!(true), &json!(null))
    );
    let bytes = sitio
        .download(&autor, archivo["url"].as_str().unwrap())
        .await;
    assert!(bytes == foto.bytes);
    // Termination leaves what a report has.
    tus(sitio, &autor, "DELETE", &lugar)
        .send()
        .await
        .expect_status(204, "");
    assert_eq!(upload_offset(sitio, &autor, &lugar).await.0, 404);
    let bytes = sitio
        .download(&autor, archivo["url"].as_str().unwrap())
        .await;
    assert!(bytes == foto.bytes);
    FilesFixture::new(sitio).assert_consistent().await;
}

/// creation-with-upload, X-HTTP-Method-Override, and a report that comes last.
#[both_databases]
async fn bytes_may_come_with_the_creation(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let foto = Photo::new(20_000);
    let envia = async |bytes: &[u8]| {
        let mut pedido = tus(sitio, &autor, "POST", "/multimedia/tus")
            .header("content-type", UPLOAD_CONTENT_TYPE);
        for (nombre, valor) in foto.headers(None) {
            pedido = pedido.header(nombre, &valor);
        }
        pedido
            .body(bytes.to_vec())
            .send()
            .await
            .expect_status(201, "")
    };
    let r = envia(&foto.bytes[..5_000]).await;
    assert_eq!(r.header("upload-offset"), "5000");
    let lugar = r.header("location").to_owned();
    // Its answer was lost: what came counts, and what comes again is not taken for more.
    assert_eq!(
        envia(&foto.bytes[..5_000]).await.header("upload-offset"),
        "5000"
    );
    let dicho =
        |metodo: &str| tus(sitio, &autor, "POST", &lugar).header("x-http-method-override", metodo);
    assert_eq!(
        dicho("HEAD")
            .send()
            .await
            .expect_status(200, "")
            .header("upload-offset"),
        "5000"
    );
    let parche = dicho("PATCH")
        .header("upload-offset", "5000")
        .header("content-type", UPLOAD_CONTENT_TYPE);
    parche
        .body(foto.bytes[5_000..].to_vec())
        .send()
        .await
        .expect_status(204, "");
    dicho("PUT")
        .send()
        .await
        .expect_status(405, "metodo_no_permitido");
    let r = sitio
        .create(&autor, &reporte_with(&[&foto]))
        .await
        .expect_status(201, "")
        .json;
    assert_eq!(
        (&r["sync_status"], &r["version"]),
        (&json!("completo"), &json!(2))
    );
    // In a batch too, and what was given up is begun anew.
    let otra = Photo::new(4_000);
    let lugar = start_upload(sitio, &autor, &otra).await;
    tus(sitio, &autor, "DELETE", &lugar)
        .send()
        .await
        .expect_status(204, "");
    let lugar = start_upload(sitio, &autor, &otra).await;
    append(sitio, &autor, &lugar, 0, &otra.bytes)
        .await
        .expect_status(204, "");
    let r = sitio.push_batch(&autor, &[reporte_with(&[&otra])]).await;
    let r = &r["resultados"][0];
    assert_eq!(
        (&r["resultado"], &r["version"], &r["sync_status"]),
        (&json!("creado"), &json!(1), &json!("completo"))
    );
    assert_eq!(r["multimedia"][0]["subido"], true);
    FilesFixture::new(sitio).assert_consistent().await;
}

/// iOS writes uuids in capitals. They name the same file, in a manifest, an upload and a form.
#[both_databases]
async fn a_uuid_in_capitals_is_the_same(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let ver = async |id: &serde_json::Value| {
        sitio
            .request("GET", &format!("/reportes/{id}"))
            .by(&autor)
            .send()
            .await
            .json
    };
    for (en_manifiesto, en_subida) in [(true, true), (true, false), (false, true)] {
        let foto = Photo::new(2_000);
        let mayuscula = Photo {
            uuid: foto.uuid.to_uppercase(),
            ..foto.clone()
        };
        let escrita = |grande: bool| if grande { &mayuscula } else { &foto };
        let r = sitio
            .create(&autor, &reporte_with(&[escrita(en_manifiesto)]))
            .await
            .expect_status(201, "")
            .json;
        let lugar = start_upload(sitio, &autor, escrita(en_subida)).await;
        assert_eq!(
            start_upload(sitio, &autor, escrita(!en_subida)).await,
            lugar
        );
        append(sitio, &autor, &lugar, 0, &foto.bytes)
            .await
            .expect_status(204, "");
        assert_eq!(ver(&r["id"]).await["sync_status"], "completo");
    }
    let foto = progressive_photo();
    let r = sitio
        .create(&autor, &reporte_with(&[&foto]))
        .await
        .expect_status(201, "")
        .json;
    let mut cuerpo = format!(
        "--x\r\nContent-Disposition: form-data; name=\"multimedia_uuid\"\r\n\r\n{}\r\n--x\r\n\
            Content-Disposition: form-data; name=\"archivo\"; filename=\"roca.jpg\"\r\n\r\n",
        foto.uuid.to_uppercase()
    )
    .into_bytes();
    cuerpo.extend(&foto.bytes[..]);
    cuerpo.extend(b"\r\n--x--\r\n");
    let pedido = sitio
        .request("POST", &format!("/reportes/{}/multimedia", r["id"]))
        .by(&autor);
    let pedido = pedido
        .header("content-type", "multipart/form-data; boundary=x")
        .body(cuerpo);
    let r = pedido.send().await.expect_status(201, "").json;
    assert_eq!(
        (&r["sync_status"], r["multimedia"].as_array().unwrap().len()),
        (&json!("completo"), 1)
    );
    FilesFixture::new(sitio).assert_consistent().await;
}

/// Milliseconds since 1970 of an HTTP date.
fn httpdate(texto: &str) -> i64 {
    let cuando = httpdate::parse_http_date(texto).expect(texto);
    let desde = cuando
        .duration_since(std::time::UNIX_EPOCH)
        .expect("después de 1970");
    i64::try_from(desde.as_millis()).expect("cabe")
}
