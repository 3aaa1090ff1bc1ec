//! What an upload that comes in one part costs: each write waits for the disk.

use super::tus::{append, start_upload, tus};
use sigra_testkit::{
    Persona, TestSite,
    files::{FilesFixture, Photo, multipart_form, reporte_with},
    on_four_sites,
};

/// A report of that photo alone; its id.
async fn reporte_of(sitio: &TestSite, autor: &Persona, foto: &Photo) -> i64 {
    let r = sitio.create(autor, &reporte_with(&[foto])).await;
    r.expect_status(201, "").id()
}

async fn assert_complete(t: &FilesFixture<'_>, autor: &Persona, id: i64, foto: &Photo) {
    let r = t.sitio.request("GET", &format!("/reportes/{id}")).by(autor);
    let r = r.send().await.expect_status(200, "");
    assert_eq!(
        (r.version(), &r.json["sync_status"]),
        (2, &"completo".into())
    );
    assert_eq!(t.file_bytes(&foto.sha256()).await.unwrap(), foto.bytes);
    assert_eq!(
        t.sitio.bd.texts("SELECT clave FROM basura").await,
        [] as [&str; 0]
    );
}

#[on_four_sites]
async fn a_form_costs_two_writes(t: &FilesFixture<'_>) {
    let (autor, foto) = (t.sitio.trabajador().await, Photo::new(30_000));
    let id = reporte_of(t.sitio, &autor, &foto).await;
    let antes = t.sitio.store.write_count();
    let (tipo, cuerpo) = multipart_form(&[], &foto);
    let pedido = t
        .sitio
        .request("POST", &format!("/reportes/{id}/multimedia"))
        .by(&autor);
    pedido
        .header("content-type", &tipo)
        .body(cuerpo)
        .send()
        .await
        .expect_status(201, "");
    assert_eq!(
        t.sitio.store.write_count() - antes,
        2,
        "la clave; archivo y reporte"
    );
    assert_complete(t, &autor, id, &foto).await;
}

#[on_four_sites]
async fn an_upload_in_one_part_costs_three_writes(t: &FilesFixture<'_>) {
    let autor = t.sitio.trabajador().await;
    for con_bytes in [true, false] {
        let foto = Photo::new(300_000);
        let id = reporte_of(t.sitio, &autor, &foto).await;
        let antes = t.sitio.store.write_count();
        if con_bytes {
            let mut pedido = tus(t.sitio, &autor, "POST", "/multimedia/tus")
                .header("content-type", "application/offset+octet-stream")
                .body(foto.bytes.to_vec());
            for (nombre, valor) in foto.headers(None) {
                pedido = pedido.header(nombre, &valor);
            }
            pedido.send().await.expect_status(201, "");
        } else {
            let lugar = start_upload(t.sitio, &autor, &foto).await;
            append(t.sitio, &autor, &lugar, 0, &foto.bytes)
                .await
                .expect_status(204, "");
        }
        let escritos = t.sitio.store.write_count() - antes;
        assert_eq!(
            escritos, 3,
            "anuncio, turno, fin con su reporte ({con_bytes})"
        );
        assert_complete(t, &autor, id, &foto).await;
    }
}
