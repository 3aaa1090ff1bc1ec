//! The disk fills up in the middle of an upload: it is said, nothing is broken, and the upload goes on
//! where it stood once there is space again.

use serde_json::json;

use crate::crash::disk::TestDisk;
use sigra_testkit::files::Photo;
use sigra_testkit::{
    ApiResponse, DbKind, TestDb, TestRequest, TestSite, client,
    process::{ServerProcess, install_test_signing_key},
    reporte_in, step_aside,
};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_full_disk_it_waits_and_then_goes_on() {
    let Some(disco) = TestDisk::new().await else {
        step_aside("aquí no se puede montar un disco: no se probó el disco lleno");
        return;
    };
    let sitio = TestSite::new(TestDb::new(DbKind::Sqlite).await.expect("SQLite")).await;
    let autor = sitio.trabajador().await;
    let bd = sitio.close().await;
    let dir = tempfile::tempdir().expect("directorio");
    install_test_signing_key(dir.path());
    let archivos = disco.punto.path().join("archivos");
    let variables = [("SIGRA_ARCHIVOS_DIR", archivos.to_str().expect("UTF-8"))];
    let servidor =
        ServerProcess::start_behind(&disco.entrada, &bd.url, dir.path(), &variables).await;
    let servidor = servidor.expect("arranca");
    let http = client::http();
    let pide = |metodo: &str, ruta: &str| {
        let pedido = TestRequest::new(&http, &servidor.url, metodo, ruta).by(&autor);
        pedido.header("tus-resumable", "1.0.0")
    };
    let foto = Photo::new(12 * MIB);
    let mut nuevo = reporte_in(1);
    nuevo["multimedia"] = json!([foto.manifest_entry()]);
    let reporte = pide("POST", "/reportes")
        .json(&nuevo)
        .send()
        .await
        .expect_status(201, "")
        .json;
    let mut creacion = pide("POST", "/multimedia/tus");
    for (nombre, valor) in foto.headers(None) {
        creacion = creacion.header(nombre, &valor);
    }
    let lugar = creacion
        .send()
        .await
        .expect_status(201, "")
        .header("location")
        .to_owned();
    let agrega = async |desde: usize, hasta: usize| -> ApiResponse {
        let pedido = pide("PATCH", &lugar).header("upload-offset", &desde.to_string());
        let pedido = pedido.header("content-type", "application/offset+octet-stream");
        pedido.body(foto.bytes.slice(desde..hasta)).send().await
    };
    let va_en = async || {
        let r = pide("HEAD", &lugar).send().await.expect_status(200, "");
        r.header("upload-offset").parse::<usize>().expect("número")
    };
    let mut hay = 3 * MIB;
    agrega(0, hay).await.expect_status(204, "");
    // Nothing left; less than what comes; then less than the whole file once more, which its end needs.
    for libres in [0, 2 * MIB, 10 * MIB] {
        disco.fill(u64::try_from(libres).expect("cabe"));
        for _ in 0..3 {
            let r = agrega(hay, foto.bytes.len())
                .await
                .expect_status(507, "sin_espacio");
            assert_eq!(r.json["permanente"], false);
            let ahora = va_en().await;
            assert!((hay..foto.bytes.len()).contains(&ahora), "{ahora}");
            hay = ahora;
        }
        // What is read and written elsewhere goes on.
        pide("GET", &format!("/reportes/{}", reporte["id"]))
            .send()
            .await
            .expect_status(200, "");
        disco.free_space();
    }
    agrega(hay, foto.bytes.len()).await.expect_status(204, "");
    let id = &reporte["multimedia"][0]["id"];
    let url = format!("{}/multimedia/{id}", servidor.url);
    let r = http
        .get(url)
        .bearer_auth(&autor.token)
        .send()
        .await
        .expect("baja");
    assert!(r.bytes().await.expect("baja") == foto.bytes);
    assert!(servidor.terminate().await.success());
    TestSite::new(bd).await.assert_consistent_and_finish().await;
}
