//! Mails, by a real server.

use serde_json::json;

use super::{MINUTO, buzon::Buzon, con_email, entregas, pasan, reparte, reporta};
use crate::arnes::{Ajuste, Motor, Sitio, corre_con};

async fn con_buzon(motor: Motor, prueba: impl AsyncFnOnce(&Sitio, &mut Buzon)) {
    let Some(mut buzon) = Buzon::abre().await else {
        return;
    };
    let ajuste = Ajuste {
        smtp: Some(buzon.puerto),
        ..Ajuste::default()
    };
    corre_con(motor, ajuste, async |sitio| prueba(sitio, &mut buzon).await).await;
}

/// What is urgent at once and apart; of the rest one mail, five minutes after the first.
async fn se_juntan(sitio: &Sitio, buzon: &mut Buzon) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    con_email(sitio, &jefe, "jefa@mina.example").await;
    reporta(sitio, &autor, 1, "Baranda suelta").await;
    reparte(sitio).await;
    pasan(sitio, 4 * MINUTO);
    reporta(sitio, &autor, 2, "Cable <pelado>").await;
    let alta = reporta(sitio, &autor, 3, "Roca suelta").await;
    reparte(sitio).await;
    let c = buzon.toma().await;
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
    pasan(sitio, MINUTO);
    reparte(sitio).await;
    let c = buzon.toma().await;
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
    pasan(sitio, 60 * MINUTO);
    reparte(sitio).await;
    assert_eq!(
        sitio
            .bd
            .entero("SELECT count(*) FROM entregas WHERE estado <> 'entregada'")
            .await,
        0
    );
    assert_eq!(sitio.bd.entero("SELECT count(*) FROM entregas").await, 3);
}

/// An urgent one does not overtake what came before it of the same report, nor wait for it.
async fn en_orden(sitio: &Sitio, buzon: &mut Buzon) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    con_email(sitio, &jefe, "jefa@mina.example").await;
    let id = reporta(sitio, &autor, 1, "Roca").await;
    reporta(sitio, &autor, 1, "Otra cosa").await;
    reparte(sitio).await;
    let ruta = format!("/reportes/{id}");
    let r = sitio
        .pide("PUT", &ruta)
        .como(&autor)
        .json(&json!({"severidad_id": 3, "version": 1}))
        .envia()
        .await;
    r.espera(200, "");
    let r = sitio
        .pide("POST", &format!("{ruta}/comentarios"))
        .como(&autor)
        .json(&json!({"texto": "Ahora cae"}));
    r.envia().await.espera(201, "");
    reparte(sitio).await;
    let (primero, segundo) = (buzon.toma().await, buzon.toma().await);
    assert!(primero.asunto.starts_with("Nuevo reporte"), "{primero:?}");
    assert!(
        segundo.texto.contains("Ahora cae") && segundo.asunto.contains("comentó"),
        "{segundo:?}"
    );
}

/// An address that does not exist, and a server that is busy.
async fn lo_que_no_llega(sitio: &Sitio, buzon: &mut Buzon) {
    let autor = sitio.trabajador().await;
    let (nadie, luego) = (sitio.supervisor(&[1]).await, sitio.supervisor(&[1]).await);
    con_email(sitio, &nadie, "nadie@mina.example").await;
    con_email(sitio, &luego, "luego@mina.example").await;
    let admin = sitio.administrador().await;
    reporta(sitio, &autor, 3, "Roca").await;
    reparte(sitio).await;
    let muertas = entregas(sitio, &admin, "muerta").await;
    assert_eq!(muertas.len(), 1);
    let m = &muertas[0];
    assert_eq!(
        (&m["canal"], &m["destino"]),
        (&json!("correo"), &json!(nadie.rut.cuerpo()))
    );
    assert_eq!(
        (&m["evento"], &m["proximo"]),
        (&json!("reporte.creado"), &json!(null))
    );
    assert!(m["error"].as_str().unwrap().contains("550"), "{m}");
    let pendientes = entregas(sitio, &admin, "pendiente").await;
    assert_eq!(
        (pendientes.len(), &pendientes[0]["intentos"]),
        (1, &json!(1))
    );
    assert!(
        pendientes[0]["error"].as_str().unwrap().contains("451"),
        "{pendientes:?}"
    );
    // Not before its time.
    reparte(sitio).await;
    assert_eq!(entregas(sitio, &admin, "pendiente").await.len(), 1);
    pasan(sitio, 13_000);
    reparte(sitio).await;
    let c = buzon.toma().await;
    assert_eq!(c.para, "luego@mina.example");
    assert_eq!(entregas(sitio, &admin, "entregada").await.len(), 1);
    // The address is mended, and what was lost is sent again: under the same id.
    con_email(sitio, &nadie, "jefe@mina.example").await;
    let reenvia = async |id: &serde_json::Value| {
        sitio
            .pide("POST", &format!("/admin/entregas/{id}/reenviar"))
            .como(&admin)
            .envia()
            .await
    };
    reenvia(&m["id"]).await.espera(204, "");
    reparte(sitio).await;
    let otra = buzon.toma().await;
    assert_eq!(otra.para, "jefe@mina.example");
    assert_eq!(otra.id, format!("entrega-{}@mina.example", m["id"]));
    // Once it arrived there is nothing to send.
    reenvia(&m["id"]).await.espera(204, "");
    reparte(sitio).await;
    assert_eq!(entregas(sitio, &admin, "entregada").await.len(), 2);
    reenvia(&json!(999_999)).await.espera(404, "no_encontrado");
}

macro_rules! con_correo {
    ($($prueba:ident)*) => { $(
        mod $prueba {
            use crate::arnes::Motor;
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::con_buzon(Motor::Sqlite, async |s, b| super::$prueba(s, b).await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::con_buzon(Motor::Postgres, async |s, b| super::$prueba(s, b).await).await;
            }
        }
    )* };
}

con_correo!(se_juntan en_orden lo_que_no_llega);
