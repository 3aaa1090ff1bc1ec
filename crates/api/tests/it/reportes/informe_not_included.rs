//! A server that was built without PDFs says so, to those who may see the report.

use sigra_testkit::{TestSite, both_databases};

#[both_databases]
async fn without_pdfs_the_operation_says_that_they_are_not_included(sitio: &TestSite) {
    let (autor, ajeno) = (sitio.trabajador().await, sitio.trabajador().await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let pide = || sitio.request("GET", &format!("/reportes/{id}/informe.pdf"));
    let r = pide()
        .by(&autor)
        .send()
        .await
        .expect_status(501, "informe_no_incluido");
    assert_eq!(r.json["permanente"], true);
    assert!(
        r.json["detail"]
            .as_str()
            .unwrap()
            .contains("El administrador puede instalar"),
        "{}",
        r.texto
    );
    let r = pide()
        .by(&autor)
        .header("accept-language", "en")
        .send()
        .await
        .expect_status(501, "informe_no_incluido");
    assert!(
        r.json["detail"]
            .as_str()
            .unwrap()
            .contains("The administrator may install"),
        "{}",
        r.texto
    );
    pide().send().await.expect_status(401, "no_autenticado");
    pide()
        .by(&ajeno)
        .send()
        .await
        .expect_status(404, "no_encontrado");
}
