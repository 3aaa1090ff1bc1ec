//! `Idempotency-Key`: one effect, one answer.

use serde_json::{Value, json};
use sigra_domain::Instante;

use super::{decide, edit, send_all};
use sigra_testkit::{
    ApiResponse, Persona, TestRequest, TestSite, both_databases, iterations, reporte_in,
    run_concurrently,
};

fn create(sitio: &TestSite, quien: &Persona, cuerpo: &Value) -> TestRequest {
    sitio.request("POST", "/reportes/").by(quien).json(cuerpo)
}

fn is_replayed(r: &ApiResponse) -> bool {
    r.header("idempotency-replayed") == "true"
}

/// All that a client reads of an answer.
fn visible_parts(r: &ApiResponse) -> (u16, &str, &str, &str, &str) {
    (
        r.status,
        &r.texto,
        r.header("etag"),
        r.header("location"),
        r.header("content-type"),
    )
}

#[track_caller]
fn assert_all_identical(respuestas: &[ApiResponse], status: u16) {
    assert!(
        respuestas.iter().all(|r| r.status == status),
        "{respuestas:?}"
    );
    assert!(
        respuestas
            .iter()
            .all(|r| visible_parts(r) == visible_parts(&respuestas[0])),
        "{respuestas:?}"
    );
    assert_eq!(
        respuestas.iter().filter(|r| !is_replayed(r)).count(),
        1,
        "{respuestas:?}"
    );
}

#[both_databases]
async fn the_same_key_twenty_times_is_one_effect_and_one_answer(sitio: &TestSite) {
    let (autor, jefe, admin) = (
        sitio.trabajador().await,
        sitio.supervisor(&[1]).await,
        sitio.administrador().await,
    );
    for ronda in 0..iterations(20) {
        let clave = format!("clave-{ronda}");
        let veinte = async |uno: &dyn Fn() -> TestRequest, status| {
            let respuestas = send_all((0..20).map(|_| uno().idempotency_key(&clave))).await;
            assert_all_identical(&respuestas, status);
            // And later.
            let r = uno().idempotency_key(&clave).send().await;
            assert!(
                is_replayed(&r) && visible_parts(&r) == visible_parts(&respuestas[0]),
                "{r:?}"
            );
        };
        let cuerpo = reporte_in(1);
        veinte(&|| create(sitio, &autor, &cuerpo), 201).await;
        let r = create(sitio, &autor, &cuerpo).send().await;
        assert_eq!((r.status, is_replayed(&r)), (200, false));
        let id = r.id();
        veinte(
            &|| edit(sitio, &autor, id, &json!({"titulo": "Nuevo", "version": 1})),
            200,
        )
        .await;
        // Says nothing new: answered and kept all the same.
        let igual = json!({"titulo": "Nuevo", "version": 2});
        veinte(
            &|| {
                sitio
                    .request("PUT", &format!("/reportes/{id}/"))
                    .by(&jefe)
                    .json(&igual)
            },
            200,
        )
        .await;
        let decision = ["aprobar", "rechazar"][ronda % 2];
        veinte(&|| decide(sitio, &jefe, id, decision), 200).await;
        let retira = || {
            sitio
                .request("DELETE", &format!("/reportes/{id}"))
                .by(&admin)
                .if_match(3)
        };
        veinte(&|| retira().json(&json!({"detalle": "de prueba"})), 204).await;
        assert_eq!(sitio.bitacora(&autor, id).await.len(), 4);
    }
}

#[both_databases]
async fn the_first_answer_holds_though_the_reporte_has_changed(sitio: &TestSite) {
    let (autor, jefe) = (sitio.trabajador().await, sitio.supervisor(&[1]).await);
    let cuerpo = reporte_in(1);
    let primera = create(sitio, &autor, &cuerpo)
        .idempotency_key("k")
        .send()
        .await;
    decide(sitio, &jefe, primera.id(), "aprobar").send().await;
    let r = sitio
        .request("POST", "/reportes")
        .by(&autor)
        .idempotency_key("k")
        .json(&cuerpo)
        .send()
        .await;
    assert!(
        is_replayed(&r) && visible_parts(&r) == visible_parts(&primera),
        "{r:?}"
    );
}

#[both_databases]
async fn another_persona_another_path_and_another_key_are_another_request(sitio: &TestSite) {
    let (uno, otro) = (sitio.trabajador().await, sitio.trabajador().await);
    let (a, b) = (reporte_in(1), reporte_in(1));
    let (r, s) = (
        create(sitio, &uno, &a).idempotency_key("k").send().await,
        create(sitio, &otro, &b).idempotency_key("k").send().await,
    );
    assert_eq!(
        (r.status, is_replayed(&r), s.status, is_replayed(&s)),
        (201, false, 201, false)
    );
    // Not even what it was used for can be learned with another's key.
    create(sitio, &otro, &a)
        .idempotency_key("k")
        .send()
        .await
        .expect_status(422, "idempotencia_distinta");
    create(sitio, &otro, &a)
        .idempotency_key("k2")
        .send()
        .await
        .expect_status(409, "uuid_en_conflicto");
    let cambio = json!({"titulo": "Nuevo", "version": 1});
    let (r, s) = (
        edit(sitio, &uno, r.id(), &cambio)
            .idempotency_key("k")
            .send()
            .await,
        edit(sitio, &otro, s.id(), &cambio)
            .idempotency_key("k")
            .send()
            .await,
    );
    assert_eq!(
        (r.status, is_replayed(&r), s.status, is_replayed(&s)),
        (200, false, 200, false)
    );
    // Another session of the same person is the same person.
    let telefono_nuevo = sitio.session(uno.quien.clone()).await;
    assert!(is_replayed(
        &create(sitio, &telefono_nuevo, &a)
            .idempotency_key("k")
            .send()
            .await
    ));
}

#[both_databases]
async fn the_same_key_with_another_body_is_422_and_nothing_changes(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let cuerpo = reporte_in(1);
    let id = create(sitio, &autor, &cuerpo)
        .idempotency_key("k")
        .send()
        .await
        .id();
    create(sitio, &autor, &reporte_in(1))
        .idempotency_key("k")
        .send()
        .await
        .expect_status(422, "idempotencia_distinta");
    assert_eq!(sitio.bd.query_i64("SELECT count(*) FROM reportes").await, 1);
    edit(sitio, &autor, id, &json!({"titulo": "Uno", "version": 1}))
        .idempotency_key("k")
        .send()
        .await;
    let r = edit(sitio, &autor, id, &json!({"titulo": "Dos", "version": 2}))
        .idempotency_key("k")
        .send()
        .await;
    r.expect_status(422, "idempotencia_distinta");
    assert_eq!(sitio.bitacora(&autor, id).await.len(), 2);
    // Twenty bodies at once under one key: one is done.
    let pedidos = (0..20).map(|_| create(sitio, &autor, &reporte_in(1)).idempotency_key("q"));
    let respuestas = send_all(pedidos).await;
    assert_eq!(respuestas.iter().filter(|r| r.status == 201).count(), 1);
    let otras = respuestas
        .iter()
        .filter(|r| r.code() == "idempotencia_distinta");
    assert_eq!(otras.count(), 19);
    assert_eq!(sitio.bd.query_i64("SELECT count(*) FROM reportes").await, 2);
}

#[both_databases]
async fn an_idempotency_key_has_1_to_255_visible_characters(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    for clave in [
        String::new(),
        "x".repeat(256),
        "ñ".into(),
        "con\ttab".into(),
    ] {
        let r = create(sitio, &autor, &reporte_in(1))
            .idempotency_key(&clave)
            .send()
            .await;
        r.expect_status(400, "idempotencia_invalida");
    }
    for clave in [
        "x".to_owned(),
        "x".repeat(255),
        "\"8e03978e-40d5\"".into(),
        "!~".into(),
    ] {
        assert_eq!(
            create(sitio, &autor, &reporte_in(1))
                .idempotency_key(&clave)
                .send()
                .await
                .status,
            201
        );
    }
}

#[both_databases]
async fn an_idempotency_key_is_kept_for_seven_days(sitio: &TestSite) {
    let mut autor = sitio.trabajador().await;
    let (a, b, c) = (reporte_in(1), reporte_in(1), reporte_in(1));
    for (clave, cuerpo) in [("a", &a), ("b", &b)] {
        assert_eq!(
            create(sitio, &autor, cuerpo)
                .idempotency_key(clave)
                .send()
                .await
                .status,
            201
        );
    }
    sitio
        .store
        .env()
        .advance(7 * Instante::DAY - Instante::MINUTE);
    autor = sitio.session(autor.quien).await;
    sitio.store.purge().await.unwrap();
    let r = create(sitio, &autor, &a).idempotency_key("a").send().await;
    assert_eq!((r.status, is_replayed(&r)), (201, true));
    create(sitio, &autor, &c)
        .idempotency_key("b")
        .send()
        .await
        .expect_status(422, "idempotencia_distinta");
    // Being given again does not make it younger.
    sitio.store.env().advance(2 * Instante::MINUTE);
    let r = create(sitio, &autor, &a).idempotency_key("a").send().await;
    assert_eq!((r.status, is_replayed(&r)), (200, false));
    let r = create(sitio, &autor, &c).idempotency_key("b").send().await;
    assert_eq!((r.status, is_replayed(&r)), (201, false));
    sitio.store.purge().await.unwrap();
    assert!(is_replayed(
        &create(sitio, &autor, &c).idempotency_key("b").send().await
    ));
}

/// The connection that waits for the first use holds nothing that the first use needs.
#[both_databases]
async fn different_keys_do_not_wait_for_each_other(sitio: &TestSite) {
    let autor = sitio.trabajador().await;
    let cuerpos: Vec<_> = (0..10).map(|_| reporte_in(1)).collect();
    let pedidos = (0..60)
        .map(|i| create(sitio, &autor, &cuerpos[i % 10]).idempotency_key(&format!("k{}", i % 10)));
    let respuestas = run_concurrently(pedidos.map(TestRequest::send)).await;
    assert!(respuestas.iter().all(|r| r.status == 201));
    assert_eq!(respuestas.iter().filter(|r| !is_replayed(r)).count(), 10);
}
