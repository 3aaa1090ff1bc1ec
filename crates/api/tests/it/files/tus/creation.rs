//! What may be announced, and how much at once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use sigra_files::Limits;

use super::{append, begin_upload, start_upload, tus};
use sigra_testkit::files::{Photo, reporte_with};
use sigra_testkit::{SiteOptions, TestSite, both_databases};

#[both_databases]
async fn what_is_announced_is_checked(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let foto = Photo::new(3_000);
    let buenas = foto.headers(None);
    let par = |clave: &str, valor: &str| format!("{clave} {}", STANDARD.encode(valor));
    let con = |metadatos: String| vec![buenas[0].clone(), ("upload-metadata", metadatos)];
    let (uuid, hash) = (
        par("multimedia_uuid", &foto.uuid),
        par("sha256", &foto.sha256()),
    );
    let largo = |n: &str| vec![("upload-length", n.to_owned()), buenas[1].clone()];
    for (cabeceras, campo, falla) in [
        (vec![buenas[1].clone()], "Upload-Length", "requerido"),
        (largo("0"), "Upload-Length", "rango"),
        (largo("-3"), "Upload-Length", "rango"),
        (
            vec![buenas[0].clone()],
            "Upload-Metadata.multimedia_uuid",
            "requerido",
        ),
        (con(uuid.clone()), "Upload-Metadata.sha256", "requerido"),
        (
            con(format!("{uuid},{}", par("sha256", "AB"))),
            "Upload-Metadata.sha256",
            "formato",
        ),
        (
            con(format!("{hash},{}", par("multimedia_uuid", "../../etc"))),
            "Upload-Metadata.multimedia_uuid",
            "formato",
        ),
        (
            con(format!("{uuid},{hash},{uuid}")),
            "Upload-Metadata",
            "repetido",
        ),
        (
            con(format!("{uuid},{hash},filename ñ")),
            "Upload-Metadata",
            "formato",
        ),
        (
            con(format!(
                "{uuid},{hash},{}",
                par("filename", "../../etc/passwd")
            )),
            "Upload-Metadata.filename",
            "caracter_no_permitido",
        ),
        (
            con(format!("{uuid},{hash},{}", par("filename", "a\\b"))),
            "Upload-Metadata.filename",
            "caracter_no_permitido",
        ),
        (
            con(format!("{uuid},{hash},{}", par("filename", "a\0b"))),
            "Upload-Metadata.filename",
            "caracter_no_permitido",
        ),
        (
            con(format!("{uuid},{hash},{}", par("filetype", "jpeg"))),
            "Upload-Metadata.filetype",
            "formato",
        ),
        (
            con(format!("{uuid},{hash},{}", par("reporte_uuid", "x"))),
            "Upload-Metadata.reporte_uuid",
            "formato",
        ),
    ] {
        let r = begin_upload(sitio, &autor, &cabeceras)
            .await
            .expect_status(422, "datos_invalidos");
        let errores = r.json["errores"].as_array().unwrap();
        assert!(
            errores
                .iter()
                .any(|e| e["campo"] == campo && e["codigo"] == falla),
            "{campo} {falla}: {}",
            r.texto
        );
    }
    let r = begin_upload(sitio, &autor, &largo("209715201"))
        .await
        .expect_status(413, "archivo_muy_grande");
    assert!(
        r.json["errores"][0]["mensaje"]
            .as_str()
            .unwrap()
            .contains("26214400"),
        "{}",
        r.texto
    );
    assert_eq!(sitio.bd.query_i64("SELECT count(*) FROM subidas").await, 0);
    // What the manifest says counts.
    let mut reporte = reporte_with(&[&foto]);
    reporte["multimedia"][0]["bytes"] = json!(2_999);
    sitio.create(&autor, &reporte).await.expect_status(201, "");
    begin_upload(sitio, &autor, &buenas)
        .await
        .expect_status(409, "archivo_distinto");
}

#[both_databases(SiteOptions { limites: Limits { max_abiertas: 3, max_bytes_abiertos: 10_000, ..Limits::default() }, ..SiteOptions::default() })]
async fn each_persona_has_an_upload_quota(sitio: &TestSite) {
    let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
    let fotos = [4_000, 4_000, 1_000].map(Photo::new);
    let mut lugares = vec![];
    for foto in &fotos {
        lugares.push(start_upload(sitio, &autor, foto).await);
    }
    let (mas, grande) = (Photo::new(500), Photo::new(2_500));
    let r = begin_upload(sitio, &autor, &mas.headers(None))
        .await
        .expect_status(409, "muchas_subidas");
    assert_eq!(r.json["permanente"], false);
    start_upload(sitio, &otro, &mas).await;
    tus(sitio, &autor, "DELETE", &lugares[2])
        .send()
        .await
        .expect_status(204, "");
    begin_upload(sitio, &autor, &grande.headers(None))
        .await
        .expect_status(409, "muchas_subidas");
    // One that a report has takes no room any more.
    sitio
        .create(&autor, &reporte_with(&[&fotos[0]]))
        .await
        .expect_status(201, "");
    append(sitio, &autor, &lugares[0], 0, &fotos[0].bytes)
        .await
        .expect_status(204, "");
    start_upload(sitio, &autor, &grande).await;
}
