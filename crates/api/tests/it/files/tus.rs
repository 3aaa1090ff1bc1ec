//! The protocol tus 1.0.0 as a client meets it.

mod creation;
mod patch;
mod upload;

use sigra_testkit::files::Photo;
use sigra_testkit::{ApiResponse, Persona, TestRequest, TestSite};

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
