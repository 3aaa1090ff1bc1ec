//! Small files by a form, and forms that are none.

use serde_json::json;
use sigra_files::Limits;

use sigra_testkit::files::{FilesFixture, Photo, multipart_form, progressive_photo, reporte_with};
use sigra_testkit::{
    ApiResponse, Persona, SiteOptions, TestSite, both_databases, reporte_in, uuid,
};

async fn send(
    sitio: &TestSite,
    quien: &Persona,
    id: i64,
    (tipo, cuerpo): (String, Vec<u8>),
) -> ApiResponse {
    let pedido = sitio
        .request("POST", &format!("/reportes/{id}/multimedia"))
        .by(quien);
    pedido
        .header("content-type", &tipo)
        .body(cuerpo)
        .send()
        .await
}

/// The middle of a form, between its boundaries.
fn multipart_body(cuerpo: impl Into<Vec<u8>>) -> (String, Vec<u8>) {
    ("multipart/form-data; boundary=xx".into(), cuerpo.into())
}

#[both_databases(SiteOptions { limites: Limits { max_foto: 50_000, max_documento: 50_000, ..Limits::default() }, ..SiteOptions::default() })]
async fn a_photo_comes_by_form(sitio: &TestSite) {
    let (autor, ajeno, jefa) = (
        sitio.trabajador().await,
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
    );
    let (foto, otra) = (Photo::new(9_000), Photo::new(8_000));
    let r = sitio
        .create(&autor, &reporte_with(&[&foto]))
        .await
        .expect_status(201, "");
    let id = r.id();
    send(sitio, &ajeno, id, multipart_form(&[], &foto))
        .await
        .expect_status(404, "no_encontrado");
    // Found by its hash; the same again; by its uuid.
    let hash = foto.sha256();
    let r = send(sitio, &autor, id, multipart_form(&[], &foto))
        .await
        .expect_status(201, "");
    assert_eq!(
        (&r.json["sync_status"], r.header("etag")),
        (&json!("completo"), "\"2\"")
    );
    for textos in [
        vec![],
        vec![("sha256", hash.as_str())],
        vec![("multimedia_uuid", foto.uuid.as_str()), ("otra cosa", "x")],
    ] {
        let r = send(sitio, &autor, id, multipart_form(&textos, &foto))
            .await
            .expect_status(200, "");
        assert_eq!(r.header("etag"), "\"2\"");
    }
    // Added, with the uuid that is said or one of the server's.
    let suyo = uuid();
    let r = send(
        sitio,
        &jefa,
        id,
        multipart_form(&[("multimedia_uuid", &suyo)], &otra),
    )
    .await
    .expect_status(201, "");
    let nueva = r.json["multimedia"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["uuid_cliente"] == suyo.as_str())
        .unwrap();
    assert_eq!(
        (&nueva["nombre"], &nueva["tipo"], &nueva["bytes"]),
        (&json!("roca.jpg"), &json!("image/jpeg"), &json!(8_000))
    );
    assert_eq!(
        sitio.download(&autor, nueva["url"].as_str().unwrap()).await,
        otra.bytes
    );
    let r = send(sitio, &autor, id, multipart_form(&[], &Photo::new(7_000)))
        .await
        .expect_status(201, "");
    assert_eq!(
        (r.json["multimedia"].as_array().unwrap().len(), r.version()),
        (3, 4)
    );
    // Refused.
    for (textos, foto, status, codigo) in [
        (
            vec![("sha256", hash.as_str())],
            Photo::new(6_000),
            422,
            "hash_distinto",
        ),
        (
            vec![("multimedia_uuid", suyo.as_str())],
            Photo::new(6_000),
            409,
            "archivo_distinto",
        ),
        (
            vec![("multimedia_uuid", "x")],
            Photo::new(6_000),
            422,
            "datos_invalidos",
        ),
        (
            vec![("sha256", "x")],
            Photo::new(6_000),
            422,
            "datos_invalidos",
        ),
        (vec![], Photo::new(50_001), 413, "archivo_muy_grande"),
        (
            vec![],
            Photo {
                bytes: b"MZ".as_slice().into(),
                ..Photo::new(1)
            },
            415,
            "tipo_no_admitido",
        ),
        (
            vec![],
            Photo {
                bytes: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice().into(),
                ..Photo::new(1)
            },
            415,
            "foto_heic",
        ),
    ] {
        send(sitio, &autor, id, multipart_form(&textos, &foto))
            .await
            .expect_status(status, codigo);
    }
    let mut con_ruta = multipart_form(&[], &progressive_photo());
    let texto = String::from_utf8_lossy(&con_ruta.1[..150]).replace("roca.jpg", "../r.jpg");
    con_ruta.1.splice(..texto.len(), texto.bytes());
    let r = send(sitio, &autor, id, con_ruta)
        .await
        .expect_status(422, "datos_invalidos");
    assert_eq!(r.json["errores"][0]["campo"], "archivo");
    let ruta = format!("/admin/reportes/{id}/aprobar");
    sitio
        .request("POST", &ruta)
        .by(&jefa)
        .json(&json!({"version": 4}))
        .send()
        .await
        .expect_status(200, "");
    send(sitio, &autor, id, multipart_form(&[], &Photo::new(6_000)))
        .await
        .expect_status(409, "reporte_decidido");
    FilesFixture::new(sitio).assert_consistent().await;
}

#[both_databases(SiteOptions { limites: Limits { max_foto: 50_000, max_documento: 50_000, ..Limits::default() }, ..SiteOptions::default() })]
async fn what_is_not_a_form_is_refused(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let id = sitio.create(&autor, &reporte_in(1)).await.id();
    let foto = Photo::new(9_000);
    let (tipo, bueno) = multipart_form(&[], &foto);
    let parte = |nombre: &str, valor: &str| {
        format!("--xx\r\ncontent-disposition: form-data; name=\"{nombre}\"\r\n\r\n{valor}\r\n")
    };
    let largo = "x".repeat(40_000);
    for (forma, status, codigo) in [
        (
            ("application/json".into(), b"{}".to_vec()),
            400,
            "formulario_invalido",
        ),
        (
            ("multipart/form-data".into(), bueno.clone()),
            400,
            "formulario_invalido",
        ),
        (
            (
                format!("multipart/form-data; boundary={}", "y".repeat(71)),
                bueno.clone(),
            ),
            400,
            "formulario_invalido",
        ),
        (multipart_body(""), 400, "cuerpo_ilegible"),
        (multipart_body("--xx--\r\n"), 422, "datos_invalidos"),
        (
            multipart_body(format!("{}--xx--\r\n", parte("sha256", &foto.sha256()))),
            422,
            "datos_invalidos",
        ),
        (
            multipart_body(parte("sha256", &largo)),
            400,
            "formulario_invalido",
        ),
        (
            multipart_body(parte("otra", &"x".repeat(1_000_000))),
            400,
            "formulario_invalido",
        ),
        (
            multipart_body(format!("--xx\r\nx: {}", "x".repeat(1_000_000))),
            400,
            "formulario_invalido",
        ),
        (
            multipart_body(format!("--xx\r\n{}", "x: y\r\n".repeat(200_000))),
            400,
            "formulario_invalido",
        ),
        (
            multipart_body(parte("a", "b").repeat(100_000)),
            400,
            "formulario_invalido",
        ),
        // Cut, and not longer than a part may be: however it comes in pieces.
        (
            multipart_body(format!("--xx\r\nx: y\r\n\r\n{}", &largo[..10_000])),
            400,
            "cuerpo_ilegible",
        ),
        (
            (tipo.clone(), bueno[..5_000].to_vec()),
            400,
            "cuerpo_ilegible",
        ),
        (
            (tipo.clone(), bueno[..bueno.len() - 9].to_vec()),
            400,
            "cuerpo_ilegible",
        ),
        ((tipo.clone(), bueno[..60].to_vec()), 400, "cuerpo_ilegible"),
    ] {
        let que = format!(
            "{} {:?}",
            forma.0,
            String::from_utf8_lossy(&forma.1[..forma.1.len().min(80)])
        );
        let r = send(sitio, &autor, id, forma).await;
        assert_eq!((r.status, r.code()), (status, codigo), "{que}");
    }
    assert_eq!(
        sitio.bd.query_i64("SELECT count(*) FROM multimedia").await,
        0
    );
    send(sitio, &autor, id, (tipo, bueno))
        .await
        .expect_status(201, "");
    FilesFixture::new(sitio).assert_consistent().await;
}
