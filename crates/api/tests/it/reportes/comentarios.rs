//! `GET` and `POST /reportes/{id}/comentarios`

use serde_json::{Value, json};

use sigra_testkit::{Persona, TestRequest, TestSite, both_databases, reporte_in, run_concurrently};

fn post_comentario(sitio: &TestSite, quien: &Persona, id: i64, texto: &str) -> TestRequest {
    let pedido = sitio
        .request("POST", &format!("/reportes/{id}/comentarios"))
        .by(quien);
    pedido.json(&json!({"texto": texto}))
}

async fn all_comentarios(sitio: &TestSite, quien: &Persona, id: i64) -> Vec<Value> {
    let ruta = format!("/reportes/{id}/comentarios?limite=200");
    let r = sitio
        .request("GET", &ruta)
        .by(quien)
        .send()
        .await
        .expect_status(200, "");
    r.json["items"].as_array().unwrap().clone()
}

async fn comentario_texts(sitio: &TestSite, quien: &Persona, id: i64) -> Vec<String> {
    let todos = all_comentarios(sitio, quien, id).await;
    todos
        .iter()
        .map(|c| c["texto"].as_str().unwrap().to_owned())
        .collect()
}

#[both_databases]
async fn comentarios_make_a_conversation(sitio: &TestSite) {
    let (autor, otro) = (sitio.trabajador().await, sitio.trabajador().await);
    let (jefe, ajeno, admin) = (
        sitio.supervisor(&[1]).await,
        sitio.supervisor(&[2]).await,
        sitio.administrador().await,
    );
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let cursor = sitio
        .request("GET", "/sync/changes")
        .by(&autor)
        .send()
        .await
        .json["cursor"]
        .clone();
    let r = post_comentario(sitio, &jefe, id, "¿En qué pared?")
        .send()
        .await
        .expect_status(201, "");
    assert_eq!(r.header("etag"), "\"2\"");
    assert_eq!(
        (&r.json["n"], &r.json["rut"], &r.json["texto"]),
        (&json!(2), &json!(jefe.rut.body()), &json!("¿En qué pared?"))
    );
    post_comentario(sitio, &autor, id, "La norte.")
        .send()
        .await
        .expect_status(201, "");
    sitio.approve_reporte(&jefe, id).await;
    // Decided, it is still talked about.
    post_comentario(sitio, &admin, id, "Queda cerrado el paso.")
        .send()
        .await
        .expect_status(201, "");
    for quien in [&autor, &jefe, &admin] {
        assert_eq!(
            comentario_texts(sitio, quien, id).await,
            ["¿En qué pared?", "La norte.", "Queda cerrado el paso."]
        );
    }
    for quien in [&otro, &ajeno] {
        post_comentario(sitio, quien, id, "Yo también")
            .send()
            .await
            .expect_status(404, "no_encontrado");
        let r = sitio
            .request("GET", &format!("/reportes/{id}/comentarios"))
            .by(quien)
            .send()
            .await;
        r.expect_status(404, "no_encontrado");
    }
    let ver = sitio
        .request("GET", &format!("/reportes/{id}"))
        .by(&autor)
        .send()
        .await
        .json;
    assert_eq!(
        (&ver["comentarios"], &ver["version"]),
        (&json!(3), &json!(5))
    );
    // The phone hears of it.
    let ruta = format!("/sync/changes?cursor={}", cursor.as_str().unwrap());
    let feed = sitio.request("GET", &ruta).by(&autor).send().await.json;
    assert_eq!(
        (
            &feed["reportes"][0]["id"],
            &feed["reportes"][0]["comentarios"]
        ),
        (&json!(id), &json!(3))
    );
    // Each page goes on after the one before.
    let r = sitio
        .request("GET", &format!("/reportes/{id}/comentarios?limite=2"))
        .by(&autor)
        .send()
        .await
        .json;
    let resto = format!(
        "/reportes/{id}/comentarios?limite=2&cursor={}",
        r["siguiente"].as_str().unwrap()
    );
    let resto = sitio.request("GET", &resto).by(&autor).send().await.json;
    assert_eq!(
        (&resto["items"][0]["texto"], &resto["siguiente"]),
        (&json!("Queda cerrado el paso."), &Value::Null)
    );
    // Withdrawn, nobody says more.
    sitio.withdraw_reporte(&admin, id, 5).await;
    post_comentario(sitio, &autor, id, "¿Y?")
        .send()
        .await
        .expect_status(410, "reporte_retirado");
}

#[both_databases]
async fn the_same_comentario_again_is_not_repeated(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let primero = post_comentario(sitio, &autor, id, "La norte.")
        .send()
        .await
        .expect_status(201, "")
        .json;
    assert_eq!(
        post_comentario(sitio, &autor, id, "La norte.")
            .send()
            .await
            .expect_status(200, "")
            .json,
        primero
    );
    // Somebody else's, and mine after theirs, are new.
    post_comentario(sitio, &jefe, id, "La norte.")
        .send()
        .await
        .expect_status(201, "");
    post_comentario(sitio, &autor, id, "La norte.")
        .send()
        .await
        .expect_status(201, "");
    assert_eq!(comentario_texts(sitio, &jefe, id).await.len(), 3);
    // Under a key it is answered as it was, whatever was said since.
    let con_key = || post_comentario(sitio, &autor, id, "¿Cuándo?").idempotency_key("una-vez");
    let r = con_key().send().await.expect_status(201, "");
    post_comentario(sitio, &jefe, id, "Mañana.")
        .send()
        .await
        .expect_status(201, "");
    let otra = con_key().send().await.expect_status(201, "");
    assert_eq!(
        (r.json, otra.header("idempotency-replayed")),
        (otra.json.clone(), "true")
    );
    assert_eq!(comentario_texts(sitio, &jefe, id).await.len(), 5);
    // Many at once: each once, in one order.
    let tareas = (0..20)
        .map(|i| post_comentario(sitio, [&autor, &jefe][i % 2], id, &format!("n.º {i}")).send());
    for r in run_concurrently(tareas.collect::<Vec<_>>()).await {
        r.expect_status(201, "");
    }
    let n: Vec<i64> = all_comentarios(sitio, &autor, id)
        .await
        .iter()
        .map(|c| c["n"].as_i64().unwrap())
        .collect();
    assert_eq!((n.len(), n.is_sorted()), (25, true));
    // An edit of the phone from before them is merged as ever.
    let mut edicion = reporte_in(1);
    let ver = sitio
        .request("GET", &format!("/reportes/{id}"))
        .by(&autor)
        .send()
        .await
        .json;
    edicion["uuid_cliente"] = ver["uuid_cliente"].clone();
    edicion["titulo"] = json!("Otra cosa");
    edicion["version_base"] = json!(1);
    assert_eq!(
        sitio.push_batch(&autor, &[edicion]).await["resumen"]["actualizado"],
        1
    );
}
