//! Who is told what, once, and in what words.

use serde_json::{Value, json};
use sigra_store::notifications::Channels;

use sigra_testkit::{Persona, TestSite, both_databases, reporte_in};

/// What a person was told, oldest first.
async fn inbox(sitio: &TestSite, quien: &Persona, consulta: &str) -> Vec<Value> {
    sitio
        .store
        .fan_out_avisos(Channels::default())
        .await
        .expect("reparte");
    let ruta = format!("/notificaciones?limite=200{consulta}");
    let r = sitio
        .request("GET", &ruta)
        .by(quien)
        .send()
        .await
        .expect_status(200, "");
    let mut todas = r.json["items"].as_array().expect("items").clone();
    todas.reverse();
    todas
}

async fn events(sitio: &TestSite, quien: &Persona) -> Vec<(String, i64)> {
    let todas = inbox(sitio, quien, "").await;
    let uno = |n: &Value| {
        (
            n["evento"].as_str().unwrap().to_owned(),
            n["reporte_id"].as_i64().unwrap(),
        )
    };
    todas.iter().map(uno).collect()
}

async fn send(sitio: &TestSite, quien: &Persona, op: &str, cuerpo: Value) -> Value {
    let (metodo, ruta) = op.split_once(' ').expect("op");
    let r = sitio
        .request(metodo, ruta)
        .by(quien)
        .json(&cuerpo)
        .send()
        .await;
    assert!(r.status < 300, "{r:?}");
    r.json
}

fn event(evento: &str, id: i64) -> (String, i64) {
    (evento.to_owned(), id)
}

#[both_databases]
async fn everyone_is_notified_of_what_concerns_them(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let (uno, otro) = (
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[1, 2]).await,
    );
    let a = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    // Nobody supervises area 3.
    let b = sitio.reporte(&autor, 3).await["id"].as_i64().unwrap();
    let propio = sitio.reporte(&uno, 1).await["id"].as_i64().unwrap();
    let retirado = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    sitio.withdraw_reporte(&admin, retirado, 1).await;
    assert_eq!(events(sitio, &uno).await, [event("reporte.creado", a)]);
    assert_eq!(
        events(sitio, &otro).await,
        [event("reporte.creado", a), event("reporte.creado", propio)]
    );
    assert_eq!(events(sitio, &admin).await, [event("reporte.creado", b)]);
    assert_eq!(events(sitio, &autor).await, []);

    // To another area, and decided: its new supervisor and its author.
    send(
        sitio,
        &uno,
        &format!("PUT /reportes/{a}"),
        json!({"area_id": 2, "version": 1}),
    )
    .await;
    assert_eq!(
        events(sitio, &otro).await[2..],
        [event("reporte.trasladado", a)]
    );
    // What is decided, or has gone on, before anybody was told is no news.
    let c = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    send(
        sitio,
        &uno,
        &format!("PUT /reportes/{c}"),
        json!({"area_id": 2, "version": 1}),
    )
    .await;
    send(
        sitio,
        &otro,
        &format!("PUT /reportes/{c}"),
        json!({"area_id": 3, "version": 2}),
    )
    .await;
    send(
        sitio,
        &admin,
        &format!("POST /admin/reportes/{c}/rechazar"),
        json!({"detalle": "Repetido"}),
    )
    .await;
    for quien in [&uno, &otro, &admin] {
        assert!(!events(sitio, quien).await.iter().any(|(_, id)| *id == c));
    }
    assert_eq!(events(sitio, &autor).await, [event("reporte.decidido", c)]);
    send(
        sitio,
        &otro,
        &format!("POST /admin/reportes/{a}/aprobar"),
        json!({"detalle": "Cierren el paso"}),
    )
    .await;
    send(
        sitio,
        &otro,
        &format!("POST /admin/reportes/{a}/aprobar"),
        json!({"detalle": "Cierren el paso"}),
    )
    .await;
    assert_eq!(
        events(sitio, &otro).await[2..],
        [event("reporte.trasladado", a)]
    );
    assert_eq!(events(sitio, &uno).await.len(), 1);
    let suyas = inbox(sitio, &autor, "").await;
    assert_eq!(suyas.len(), 2);
    let n = &suyas[1];
    assert_eq!(
        (&n["evento"], &n["version"], &n["leida"]),
        (&json!("reporte.decidido"), &json!(3), &Value::Null)
    );
    assert_eq!(n["url"], format!("/reportes/{a}"));
    assert_eq!(
        n["asunto"],
        "Su reporte quedó en Aprobado: Roca suelta en galería 4"
    );
    let texto = n["texto"].as_str().unwrap();
    assert!(
        texto.contains("Carga y Transporte") && texto.contains("Dijo: «Cierren el paso»."),
        "{texto}"
    );
    let ingles = sitio
        .request("GET", "/notificaciones")
        .by(&autor)
        .header("accept-language", "en")
        .send()
        .await;
    assert_eq!(
        ingles.json["items"][0]["asunto"],
        "Your report is now Aprobado: Roca suelta en galería 4"
    );

    // A phone's edit of what is decided waits for its author.
    let mut edicion = reporte_in(1);
    edicion["uuid_cliente"] = sitio
        .request("GET", &format!("/reportes/{a}"))
        .by(&autor)
        .send()
        .await
        .json["uuid_cliente"]
        .clone();
    edicion["titulo"] = json!("Otra cosa");
    edicion["version_base"] = json!(1);
    assert_eq!(
        sitio.push_batch(&autor, &[edicion]).await["resumen"]["conflicto"],
        1
    );
    assert_eq!(
        events(sitio, &autor).await[2..],
        [event("conflicto.creado", a)]
    );
    // Told once, however often the feed is gone through.
    for _ in 0..3 {
        sitio
            .store
            .fan_out_avisos(Channels::default())
            .await
            .unwrap();
    }
    assert_eq!(events(sitio, &autor).await.len(), 3);
}

#[both_databases]
async fn reading_marks_only_ones_own_notificaciones(sitio: &TestSite) {
    let (autor, uno, otro) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[1]).await,
    );
    for _ in 0..5 {
        sitio.reporte(&autor, 1).await;
    }
    let suyas = inbox(sitio, &uno, "").await;
    let id = |i: usize| suyas[i]["id"].as_i64().unwrap();
    let lee = async |quien: &Persona, id: i64| {
        sitio
            .request("POST", &format!("/notificaciones/{id}/leida"))
            .by(quien)
            .send()
            .await
    };
    lee(&uno, id(1)).await.expect_status(204, "");
    let cuando = inbox(sitio, &uno, "").await[1]["leida"].clone();
    assert!(cuando.is_string());
    // Again: it stays read when it was. Another's is not there.
    sitio.store.env().advance(1_000);
    lee(&uno, id(1)).await.expect_status(204, "");
    assert_eq!(inbox(sitio, &uno, "").await[1]["leida"], cuando);
    lee(&otro, id(2)).await.expect_status(404, "no_encontrado");
    lee(&autor, id(2)).await.expect_status(404, "no_encontrado");
    assert_eq!(inbox(sitio, &uno, "&sin_leer=true").await.len(), 4);
    let r = send(
        sitio,
        &uno,
        "POST /notificaciones/leidas",
        json!({"hasta": id(3)}),
    )
    .await;
    assert_eq!(r, json!({"leidas": 3}));
    let quedan: Vec<i64> = inbox(sitio, &uno, "&sin_leer=true")
        .await
        .iter()
        .map(|n| n["id"].as_i64().unwrap())
        .collect();
    assert_eq!(quedan, [id(4)]);
    assert_eq!(inbox(sitio, &otro, "&sin_leer=true").await.len(), 5);
    // Pages, newest first.
    let mut ruta = "/notificaciones?limite=2".to_owned();
    let mut vistas = vec![];
    loop {
        let r = sitio
            .request("GET", &ruta)
            .by(&uno)
            .send()
            .await
            .expect_status(200, "")
            .json;
        vistas.extend(
            r["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n["id"].as_i64().unwrap()),
        );
        let Some(cursor) = r["siguiente"].as_str() else {
            break;
        };
        ruta = format!("/notificaciones?limite=2&cursor={cursor}");
    }
    assert_eq!(vistas, (0..5).rev().map(id).collect::<Vec<_>>());
    sitio
        .request("GET", "/notificaciones?sin_leer=quizás")
        .by(&uno)
        .send()
        .await
        .expect_status(422, "datos_invalidos");
    // After three months nobody needs them.
    sitio.store.env().advance(91 * 24 * 3_600_000);
    sitio.store.purge().await.unwrap();
    assert_eq!(
        sitio
            .bd
            .query_i64("SELECT count(*) FROM notificaciones")
            .await,
        0
    );
}

/// What people are told and how far that went are one transaction: when either can't be written, neither is.
#[both_databases]
async fn what_is_told_and_how_far_it_went_are_written_together(sitio: &TestSite) {
    let (autor, jefa) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    for (tabla, que) in [("reparto", "UPDATE"), ("notificaciones", "INSERT")] {
        sitio.bd.refuse(que, tabla).await;
        let reparte = sitio.store.fan_out_avisos(Channels::default()).await;
        reparte.expect_err("reparte sin poder escribir");
        sitio.bd.stop_refusing(tabla).await;
        let escrito =
            "SELECT (SELECT count(*) FROM notificaciones) + (SELECT posicion FROM reparto)";
        assert_eq!(sitio.bd.query_i64(escrito).await, 0, "{tabla}");
    }
    assert_eq!(events(sitio, &jefa).await, [event("reporte.creado", id)]);
}
