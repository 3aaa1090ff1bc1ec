//! Mails, by a real server.

use serde_json::json;

use super::{
    MINUTE, advance_clock, create_reporte, deliver_due, deliveries, mailbox::Mailbox, set_email,
};
use sigra_testkit::{DbKind, SiteOptions, TestSite, both_databases, run_with};

async fn with_mailbox(motor: DbKind, prueba: impl AsyncFnOnce(&TestSite, &mut Mailbox)) {
    let Some(mut buzon) = Mailbox::open().await else {
        return;
    };
    let ajuste = SiteOptions {
        smtp: Some(buzon.puerto),
        ..SiteOptions::default()
    };
    run_with(motor, ajuste, async |sitio| prueba(sitio, &mut buzon).await).await;
}

/// What is urgent at once and apart; of the rest one mail, five minutes after the first.
#[both_databases(run = with_mailbox)]
async fn mails_that_are_not_urgent_go_together(sitio: &TestSite, buzon: &mut Mailbox) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    set_email(sitio, &jefe, "jefa@mina.example").await;
    create_reporte(sitio, &autor, 1, "Baranda suelta").await;
    deliver_due(sitio).await;
    advance_clock(sitio, 4 * MINUTE);
    create_reporte(sitio, &autor, 2, "Cable <pelado>").await;
    let alta = create_reporte(sitio, &autor, 3, "Roca suelta").await;
    deliver_due(sitio).await;
    let c = buzon.take().await;
    assert_eq!(
        (c.para.as_str(), c.de.as_str()),
        ("jefa@mina.example", "sigra@mina.example")
    );
    assert_eq!(
        c.asunto,
        "Nuevo reporte en Perforación y Tronadura, severidad Alta: Roca suelta"
    );
    for parte in [
        "Léalo y decídalo.",
        &format!("https://sigra.mina.example/reportes/{alta}"),
    ] {
        assert!(c.texto.contains(parte) && c.html.contains(parte), "{c:?}");
    }
    advance_clock(sitio, MINUTE);
    deliver_due(sitio).await;
    let c = buzon.take().await;
    assert!(
        c.asunto.ends_with("Baranda suelta (+1 aviso más)"),
        "{}",
        c.asunto
    );
    assert!(
        c.texto.contains("«Baranda suelta»") && c.texto.contains("«Cable <pelado>»"),
        "{}",
        c.texto
    );
    assert!(
        c.html.contains("«Cable &lt;pelado&gt;»") && !c.html.contains("<pelado>"),
        "{}",
        c.html
    );
    // Nothing is left, and nothing is sent again.
    advance_clock(sitio, 60 * MINUTE);
    deliver_due(sitio).await;
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM entregas WHERE estado <> 'entregada'")
            .await,
        0
    );
    assert_eq!(sitio.bd.query_i64("SELECT count(*) FROM entregas").await, 3);
}

/// An urgent one does not overtake what came before it of the same report, nor wait for it.
#[both_databases(run = with_mailbox)]
async fn mails_arrive_in_order(sitio: &TestSite, buzon: &mut Mailbox) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    set_email(sitio, &jefe, "jefa@mina.example").await;
    let id = create_reporte(sitio, &autor, 1, "Roca").await;
    create_reporte(sitio, &autor, 1, "Otra cosa").await;
    deliver_due(sitio).await;
    let ruta = format!("/reportes/{id}");
    let r = sitio
        .request("PUT", &ruta)
        .by(&autor)
        .json(&json!({"severidad_id": 3, "version": 1}))
        .send()
        .await;
    r.expect_status(200, "");
    let r = sitio
        .request("POST", &format!("{ruta}/comentarios"))
        .by(&autor)
        .json(&json!({"texto": "Ahora cae"}));
    r.send().await.expect_status(201, "");
    deliver_due(sitio).await;
    let (primero, segundo) = (buzon.take().await, buzon.take().await);
    assert!(primero.asunto.starts_with("Nuevo reporte"), "{primero:?}");
    assert!(
        segundo.texto.contains("Ahora cae") && segundo.asunto.contains("comentó"),
        "{segundo:?}"
    );
}

/// An address that does not exist, and a server that is busy.
#[both_databases(run = with_mailbox)]
async fn mail_that_does_not_arrive_is_retried_or_given_up(sitio: &TestSite, buzon: &mut Mailbox) {
    let autor = sitio.trabajador().await;
    let (nadie, luego) = (sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await);
    set_email(sitio, &nadie, "nadie@mina.example").await;
    set_email(sitio, &luego, "luego@mina.example").await;
    let admin = sitio.administrador().await;
    create_reporte(sitio, &autor, 3, "Roca").await;
    deliver_due(sitio).await;
    let muertas = deliveries(sitio, &admin, "muerta").await;
    assert_eq!(muertas.len(), 1);
    let m = &muertas[0];
    assert_eq!(
        (&m["canal"], &m["destino"]),
        (&json!("correo"), &json!(nadie.rut.body()))
    );
    assert_eq!(
        (&m["evento"], &m["proximo"]),
        (&json!("reporte.creado"), &json!(null))
    );
    assert!(m["error"].as_str().unwrap().contains("550"), "{m}");
    let pendientes = deliveries(sitio, &admin, "pendiente").await;
    assert_eq!(
        (pendientes.len(), &pendientes[0]["intentos"]),
        (1, &json!(1))
    );
    assert!(
        pendientes[0]["error"].as_str().unwrap().contains("451"),
        "{pendientes:?}"
    );
    // Not before its time.
    deliver_due(sitio).await;
    assert_eq!(deliveries(sitio, &admin, "pendiente").await.len(), 1);
    advance_clock(sitio, 13_000);
    deliver_due(sitio).await;
    let c = buzon.take().await;
    assert_eq!(c.para, "luego@mina.example");
    assert_eq!(deliveries(sitio, &admin, "entregada").await.len(), 1);
    // The address is mended, and what was lost is sent again: under the same id.
    set_email(sitio, &nadie, "jefe@mina.example").await;
    let reenvia = async |id: &serde_json::Value| {
        sitio
            .request("POST", &format!("/admin/entregas/{id}/reenviar"))
            .by(&admin)
            .send()
            .await
    };
    reenvia(&m["id"]).await.expect_status(204, "");
    deliver_due(sitio).await;
    let otra = buzon.take().await;
    assert_eq!(otra.para, "jefe@mina.example");
    assert_eq!(otra.id, format!("entrega-{}@mina.example", m["id"]));
    // Once it arrived there is nothing to send.
    reenvia(&m["id"]).await.expect_status(204, "");
    deliver_due(sitio).await;
    assert_eq!(deliveries(sitio, &admin, "entregada").await.len(), 2);
    reenvia(&json!(999_999))
        .await
        .expect_status(404, "no_encontrado");
}
