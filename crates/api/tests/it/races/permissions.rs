//! What comes before a kept answer: permission. And what leaves no trace under a key: a refusal.

use serde_json::{Value, json};

use super::{decide, edit};
use sigra_testkit::{ApiResponse, Persona, TestSite, both_databases, reporte_in};

async fn patch_usuario(sitio: &TestSite, admin: &Persona, de: &Persona, cambio: Value) {
    let ruta = format!("/usuarios/{}", de.rut);
    let r = sitio
        .request("PATCH", &ruta)
        .by(admin)
        .json(&cambio)
        .send()
        .await;
    assert_eq!(r.status, 200, "{}", r.texto);
}

#[track_caller]
fn assert_done(r: &ApiResponse, status: u16, repetida: bool) {
    assert_eq!(
        (r.status, r.header("idempotency-replayed") == "true"),
        (status, repetida),
        "{}",
        r.texto
    );
}

#[both_databases]
async fn a_deactivated_usuario_does_not_get_the_stored_response(sitio: &TestSite) {
    let (autor, admin) = (sitio.trabajador().await, sitio.administrador().await);
    let cuerpo = reporte_in(1);
    let crea = |quien: &Persona| {
        sitio
            .request("POST", "/reportes")
            .by(quien)
            .idempotency_key("k")
            .json(&cuerpo)
    };
    assert_done(&crea(&autor).send().await, 201, false);
    patch_usuario(sitio, &admin, &autor, json!({"activo": false})).await;
    let r = crea(&autor).send().await;
    assert!(
        matches!(r.code(), "usuario_inactivo" | "sesion_cerrada"),
        "{}",
        r.texto
    );
    assert!(!r.texto.contains("galería"), "{}", r.texto);
    // A session opened before the deactivation was known helps nothing.
    let otra = sitio.session(autor.quien.clone()).await;
    crea(&otra)
        .send()
        .await
        .expect_status(403, "usuario_inactivo");
    patch_usuario(sitio, &admin, &autor, json!({"activo": true})).await;
    let de_vuelta = sitio.session(autor.quien.clone()).await;
    assert_done(&crea(&de_vuelta).send().await, 201, true);
}

#[both_databases]
async fn without_the_area_there_is_no_stored_response(sitio: &TestSite) {
    let (autor, jefe, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let decide = || decide(sitio, &jefe, id, "aprobar").idempotency_key("k");
    let edita = |titulo: &str| {
        edit(sitio, &jefe, id, &json!({"titulo": titulo, "version": 1})).idempotency_key("k")
    };
    assert_done(&edita("Nuevo").send().await, 200, false);
    assert_done(&decide().send().await, 200, false);

    patch_usuario(sitio, &admin, &jefe, json!({"areas": [2]})).await;
    // Also before the body is compared.
    for pedido in [
        decide(),
        edita("Nuevo"),
        edita("Otro"),
        decide().json(&json!({})),
    ] {
        let r = pedido.send().await.expect_status(404, "no_encontrado");
        assert!(!r.texto.contains("galería"), "{}", r.texto);
    }
    patch_usuario(sitio, &admin, &jefe, json!({"areas": [1]})).await;
    assert_done(&edita("Nuevo").send().await, 200, true);
    assert_done(&decide().send().await, 200, true);
    edita("Otro")
        .send()
        .await
        .expect_status(422, "idempotencia_distinta");

    patch_usuario(sitio, &admin, &jefe, json!({"rol": "trabajador"})).await;
    decide().send().await.expect_status(403, "sin_permiso");
    edita("Nuevo")
        .send()
        .await
        .expect_status(404, "no_encontrado");
}

#[both_databases]
async fn a_former_administrador_does_not_repeat_a_withdrawal(sitio: &TestSite) {
    let (autor, admin, otro) = (
        sitio.trabajador().await,
        sitio.administrador().await,
        sitio.administrador().await,
    );
    let id = sitio.reporte(&autor, 1).await["id"].as_i64().unwrap();
    let retira = || {
        let cuerpo = json!({"detalle": "de prueba", "version": 1});
        sitio
            .request("DELETE", &format!("/reportes/{id}/"))
            .by(&admin)
            .idempotency_key("k")
            .json(&cuerpo)
    };
    assert_done(&retira().send().await, 204, false);
    assert_done(&retira().send().await, 204, true);
    patch_usuario(
        sitio,
        &otro,
        &admin,
        json!({"rol": "supervisor", "areas": [1]}),
    )
    .await;
    retira().send().await.expect_status(403, "sin_permiso");
}

#[both_databases]
async fn a_refusal_does_not_use_up_the_idempotency_key(sitio: &TestSite) {
    let (autor, ajeno) = (sitio.trabajador().await, sitio.trabajador().await);
    let (jefe, admin) = (sitio.supervisor(&[2]).await, sitio.administrador().await);
    let crea = |cuerpo: &Value| {
        sitio
            .request("POST", "/reportes")
            .by(&autor)
            .idempotency_key("k")
            .json(cuerpo)
    };
    // 422, then 409, then done: all under one key.
    let mut malo = reporte_in(1);
    malo["area_id"] = 99.into();
    crea(&malo)
        .send()
        .await
        .expect_status(422, "datos_invalidos");
    let de_otro = sitio.create(&ajeno, &reporte_in(1)).await.json["uuid_cliente"].clone();
    let mut tomado = reporte_in(1);
    tomado["uuid_cliente"] = de_otro;
    crea(&tomado)
        .send()
        .await
        .expect_status(409, "uuid_en_conflicto");
    let bueno = reporte_in(1);
    let creado = crea(&bueno).send().await;
    assert_done(&creado, 201, false);
    let id = creado.id();

    // 412, 428, 422, then done.
    let edita =
        |quien: &Persona, cambio: Value| edit(sitio, quien, id, &cambio).idempotency_key("k");
    edita(&autor, json!({"titulo": "Nuevo", "version": 9}))
        .send()
        .await
        .expect_status(412, "version_desfasada");
    edita(&autor, json!({"titulo": "Nuevo"}))
        .send()
        .await
        .expect_status(428, "falta_version");
    edita(&autor, json!({"titulo": "", "version": 1}))
        .send()
        .await
        .expect_status(422, "datos_invalidos");
    edita(&autor, json!({"estado_id": 2, "version": 1}))
        .send()
        .await
        .expect_status(403, "sin_permiso");
    assert_done(
        &edita(&autor, json!({"titulo": "Nuevo", "version": 1}))
            .send()
            .await,
        200,
        false,
    );

    // 404, then 200 for the very same request once it is allowed.
    let decide = |como: &str| decide(sitio, &jefe, id, como).idempotency_key("k");
    decide("aprobar")
        .send()
        .await
        .expect_status(404, "no_encontrado");
    patch_usuario(sitio, &admin, &jefe, json!({"areas": [1, 2]})).await;
    assert_done(&decide("aprobar").send().await, 200, false);
    assert_done(&decide("aprobar").send().await, 200, true);
    // 409 for a decision that came too late, and again: never a kept answer.
    for _ in 0..2 {
        decide("rechazar")
            .send()
            .await
            .expect_status(409, "transicion_no_permitida");
    }
    let guardadas = "SELECT count(*) FROM idempotencia";
    assert_eq!(sitio.bd.query_i64(guardadas).await, 3);
}
