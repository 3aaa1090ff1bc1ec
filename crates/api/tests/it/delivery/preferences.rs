//! What each person chose.

use serde_json::json;

use super::{create_reporte, deliver_due, set_email};
use sigra_testkit::{Persona, SiteOptions, TestSite, both_databases};

async fn set_preferencias(
    sitio: &TestSite,
    quien: &Persona,
    idioma: &str,
    correo: bool,
    silenciados: &[&str],
) {
    let cuerpo =
        json!({"idioma": idioma, "correo": correo, "push": true, "silenciados": silenciados});
    let r = sitio
        .request("PUT", "/notificaciones/preferencias")
        .by(quien)
        .json(&cuerpo)
        .send()
        .await;
    assert_eq!(r.expect_status(200, "").json, cuerpo);
}

/// Who waits for a mail.
async fn count_waiting_mails(sitio: &TestSite, quien: &Persona) -> i64 {
    let sql = format!(
        "SELECT count(*) FROM entregas WHERE canal = 'correo' AND destino = {}",
        quien.rut
    );
    sitio.bd.query_i64(&sql).await
}

// Nobody is there to take mail: what waits is looked at in the table.

#[both_databases(SiteOptions { smtp: Some(9), ..SiteOptions::default() })]
async fn everyone_chooses_what_they_receive(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let (todo, nada, mudo, sin_email) = (
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[1]).await,
    );
    for (i, p) in [&todo, &nada, &mudo, &autor].into_iter().enumerate() {
        set_email(sitio, p, &format!("p{i}@mina.example")).await;
    }
    let r = sitio
        .request("GET", "/notificaciones/preferencias")
        .by(&todo)
        .send()
        .await
        .expect_status(200, "");
    assert_eq!(
        r.json,
        json!({"idioma": "es", "correo": true, "push": true, "silenciados": []})
    );
    set_preferencias(sitio, &nada, "en", false, &[]).await;
    set_preferencias(
        sitio,
        &mudo,
        "es",
        true,
        &["reporte.creado", "reporte.comentado"],
    )
    .await;
    set_preferencias(sitio, &autor, "es", false, &[]).await;
    let id = create_reporte(sitio, &autor, 1, "Baranda").await;
    deliver_due(sitio).await;
    assert_eq!(count_waiting_mails(sitio, &todo).await, 1);
    for quien in [&nada, &mudo, &sin_email, &autor] {
        assert_eq!(count_waiting_mails(sitio, quien).await, 0);
    }
    // All have it in their trays.
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM notificaciones WHERE evento = 'reporte.creado'")
            .await,
        4
    );
    // What is urgent is told to those who decide, whatever they chose; its author may be left in peace.
    let grave = create_reporte(sitio, &autor, 3, "Roca").await;
    for reporte in [id, grave] {
        let r = sitio
            .request("POST", &format!("/admin/reportes/{reporte}/aprobar"))
            .by(&todo)
            .json(&json!({}));
        r.send().await.expect_status(200, "");
    }
    deliver_due(sitio).await;
    assert_eq!(count_waiting_mails(sitio, &autor).await, 0);
    // It was decided before anybody was told.
    assert_eq!(count_waiting_mails(sitio, &nada).await, 0);
    create_reporte(sitio, &autor, 3, "Otra roca").await;
    deliver_due(sitio).await;
    for (quien, cuantos) in [(&todo, 2), (&nada, 1), (&mudo, 1), (&sin_email, 0)] {
        assert_eq!(
            count_waiting_mails(sitio, quien).await,
            cuantos,
            "{}",
            quien.rut
        );
    }
    // What severity is urgent is the site's choice.
    let admin = sitio.administrador().await;
    let r = sitio
        .request("PATCH", "/catalogos/severidades/1")
        .by(&admin)
        .json(&json!({"urgente": true}))
        .send()
        .await;
    assert_eq!(r.expect_status(200, "").json["urgente"], true);
    create_reporte(sitio, &autor, 1, "Baranda, otra vez").await;
    deliver_due(sitio).await;
    assert_eq!(count_waiting_mails(sitio, &nada).await, 2);
}
