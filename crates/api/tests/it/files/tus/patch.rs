//! Bytes that are not those that were to come: elsewhere, more, others, somebody else's, too late.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::Digest as _;
use sigra_domain::Instante;

use super::{UPLOAD_CONTENT_TYPE, append, begin_upload, start_upload, tus, upload_offset};
use sigra_testkit::files::{FilesFixture, Photo, progressive_photo};
use sigra_testkit::{TestSite, both_databases};

fn checksum_header(algoritmo: &str, bytes: &[u8]) -> String {
    let suma = match algoritmo {
        "sha1" => sha1::Sha1::digest(bytes).to_vec(),
        _ => sha2::Sha256::digest(bytes).to_vec(),
    };
    format!("{algoritmo} {}", STANDARD.encode(suma))
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
