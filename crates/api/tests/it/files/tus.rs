//! The protocol tus 1.0.0 as a client meets it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use sha2::Digest as _;
use sigra_domain::Instante;
use sigra_files::Limits;

use sigra_testkit::files::{FilesFixture, Photo, progressive_photo, reporte_with};
use sigra_testkit::{ApiResponse, Persona, SiteOptions, TestRequest, TestSite, both_databases};

const UPLOAD_CONTENT_TYPE: &str = "application/offset+octet-stream";

/// A request of the protocol.
pub fn tus(sitio: &TestSite, quien: &Persona, metodo: &str, ruta: &str) -> TestRequest {
    let pedido = sitio.request(metodo, ruta).by(quien);
    pedido.header("tus-resumable", "1.0.0")
}

pub async fn begin_upload(
    sitio: &TestSite,
    quien: &Persona,
    cabeceras: &[(&'static str, String)],
) -> ApiResponse {
    let mut pedido = tus(sitio, quien, "POST", "/multimedia/tus");
    for (nombre, valor) in cabeceras {
        pedido = pedido.header(nombre, valor);
    }
    pedido.send().await
}

/// Begins an upload; its address.
pub async fn start_upload(sitio: &TestSite, quien: &Persona, foto: &Photo) -> String {
    let r = begin_upload(sitio, quien, &foto.headers(None))
        .await
        .expect_status(201, "");
    r.header("location").to_owned()
}

pub async fn append(
    sitio: &TestSite,
    quien: &Persona,
    lugar: &str,
    desde: usize,
    bytes: &[u8],
) -> ApiResponse {
    let pedido = tus(sitio, quien, "PATCH", lugar).header("upload-offset", &desde.to_string());
    pedido
        .header("content-type", UPLOAD_CONTENT_TYPE)
        .body(bytes.to_vec())
        .send()
        .await
}

/// What HEAD says: its status and where the upload stands.
pub async fn upload_offset(sitio: &TestSite, quien: &Persona, lugar: &str) -> (u16, String) {
    let r = tus(sitio, quien, "HEAD", lugar).send().await;
    (r.status, r.header("upload-offset").to_owned())
}

fn checksum_header(algoritmo: &str, bytes: &[u8]) -> String {
    let suma = match algoritmo {
        "sha1" => sha1::Sha1::digest(bytes).to_vec(),
        _ => sha2::Sha256::digest(bytes).to_vec(),
    };
    format!("{algoritmo} {}", STANDARD.encode(suma))
}

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

#[both_databases]
async fn a_checksum_is_all_or_nothing(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let foto = Photo::new(9_000);
    let lugar = start_upload(sitio, &autor, &foto).await;
    let parche = async |desde: usize, bytes: &[u8], suma: &str| {
        let pedido =
            tus(sitio, &autor, "PATCH", &lugar).header("upload-offset", &desde.to_string());
        pedido
            .header("content-type", UPLOAD_CONTENT_TYPE)
            .header("upload-checksum", suma)
            .body(bytes.to_vec())
            .send()
            .await
    };
    let mitad = &foto.bytes[..4_000];
    for mala in [
        "md5 XrY7u+Ae7tCTyyK7j1rNww==",
        "sha1",
        "sha1 x",
        "sha256 qqo=",
        "",
    ] {
        parche(0, mitad, mala)
            .await
            .expect_status(400, "suma_desconocida");
    }
    for algoritmo in ["sha1", "sha256"] {
        parche(0, mitad, &checksum_header(algoritmo, b"otros"))
            .await
            .expect_status(460, "suma_distinta");
    }
    assert_eq!(
        upload_offset(sitio, &autor, &lugar).await,
        (200, "0".into())
    );
    parche(0, mitad, &checksum_header("sha1", mitad))
        .await
        .expect_status(204, "");
    let resto = &foto.bytes[4_000..];
    parche(4_000, resto, &checksum_header("sha256", resto))
        .await
        .expect_status(204, "");
    FilesFixture::new(sitio).assert_consistent().await;
}

#[both_databases]
async fn a_patch_that_does_not_fit_is_refused(sitio: &TestSite) {
    let (autor, ajeno) = (sitio.trabajador().await, sitio.trabajador().await);
    let foto = Photo::new(3_000);
    let lugar = start_upload(sitio, &autor, &foto).await;
    let inicio = foto.bytes.slice(..1_000);
    // Without the version.
    let r = sitio.request("HEAD", &lugar).by(&autor).send().await;
    assert_eq!((r.status, r.header("tus-version")), (412, "1.0.0"));
    let r = sitio
        .request("PATCH", &lugar)
        .by(&autor)
        .send()
        .await
        .expect_status(412, "version_de_tus");
    assert_eq!(
        (r.header("tus-version"), r.header("tus-resumable")),
        ("1.0.0", "1.0.0")
    );
    // Elsewhere than it stands.
    append(sitio, &autor, &lugar, 0, &inicio)
        .await
        .expect_status(204, "");
    for desde in [0, 999, 1_001, 2_999] {
        let r = append(sitio, &autor, &lugar, desde, &inicio)
            .await
            .expect_status(409, "desfase_distinto");
        assert_eq!(r.header("upload-offset"), "1000");
    }
    for malo in ["", "-1", "+5", "1e3", "99999999999999999999"] {
        let pedido = tus(sitio, &autor, "PATCH", &lugar).header("upload-offset", malo);
        pedido
            .header("content-type", UPLOAD_CONTENT_TYPE)
            .send()
            .await
            .expect_status(422, "datos_invalidos");
    }
    let sin_tipo = tus(sitio, &autor, "PATCH", &lugar).header("upload-offset", "1000");
    sin_tipo
        .raw("{}")
        .send()
        .await
        .expect_status(415, "bytes_sin_tipo");
    let larga = [&foto.bytes[1_000..], b"mas"].concat();
    append(sitio, &autor, &lugar, 1_000, &larga)
        .await
        .expect_status(413, "archivo_mas_largo");
    assert_eq!(
        upload_offset(sitio, &autor, &lugar).await,
        (200, "1000".into())
    );
    // Somebody else's.
    for metodo in ["HEAD", "DELETE"] {
        assert_eq!(tus(sitio, &ajeno, metodo, &lugar).send().await.status, 404);
    }
    append(sitio, &ajeno, &lugar, 1_000, &inicio)
        .await
        .expect_status(404, "no_encontrado");
    for nada in [
        "/multimedia/tus/x",
        "/multimedia/tus/..%2f..",
        "/multimedia/tus/0123456789abcdef0123456789abcdeg",
    ] {
        assert_eq!(tus(sitio, &autor, "HEAD", nada).send().await.status, 404);
    }
    // Other bytes for the same uuid.
    let otra = Photo {
        uuid: foto.uuid.clone(),
        ..Photo::new(2_000)
    };
    begin_upload(sitio, &autor, &otra.headers(None))
        .await
        .expect_status(409, "archivo_distinto");
    // All is there and is not what was announced: it can be sent again from the beginning.
    append(sitio, &autor, &lugar, 1_000, &[0; 2_000])
        .await
        .expect_status(422, "hash_distinto");
    assert_eq!(upload_offset(sitio, &autor, &lugar).await.0, 404);
    let lugar = start_upload(sitio, &autor, &foto).await;
    append(sitio, &autor, &lugar, 0, &foto.bytes)
        .await
        .expect_status(204, "");
    // Judged by their bytes.
    let texto = b"MZ no es una foto".as_slice();
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice();
    for (bytes, codigo) in [(texto, "tipo_no_admitido"), (heic, "foto_heic")] {
        let foto = Photo {
            bytes: bytes.to_vec().into(),
            ..Photo::new(9)
        };
        let lugar = start_upload(sitio, &autor, &foto).await;
        append(sitio, &autor, &lugar, 0, bytes)
            .await
            .expect_status(415, codigo);
    }
    let mut bomba = progressive_photo().bytes.to_vec();
    let sof = bomba.windows(2).position(|v| v == [0xff, 0xc2]).unwrap();
    bomba[sof + 5..sof + 9].copy_from_slice(&[0x27, 0x10, 0x27, 0x11]); // 10,000 × 10,001
    let foto = Photo {
        bytes: bomba.clone().into(),
        ..Photo::new(9)
    };
    let lugar = start_upload(sitio, &autor, &foto).await;
    append(sitio, &autor, &lugar, 0, &bomba)
        .await
        .expect_status(422, "imagen_muy_grande");
    // After its time.
    let lugar = start_upload(sitio, &autor, &Photo::new(5_000)).await;
    sitio.store.env().advance(8 * Instante::DAY);
    let autor = sitio.session(autor.quien.clone()).await;
    assert_eq!(upload_offset(sitio, &autor, &lugar).await.0, 404);
    FilesFixture::new(sitio).assert_consistent().await;
}

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

/// Milliseconds since 1970 of an HTTP date.
fn httpdate(texto: &str) -> i64 {
    let cuando = httpdate::parse_http_date(texto).expect(texto);
    let desde = cuando
        .duration_since(std::time::UNIX_EPOCH)
        .expect("después de 1970");
    i64::try_from(desde.as_millis()).expect("cabe")
}
