use serde_json::{Value, json};

use crate::{
    ApiResponse, Error, QueueState,
    test_support::{Fixture, batch_results, created, problema, sample_contenido, titulo},
};

/// The items of the next batch, as text.
async fn items(e: &mut Fixture) -> Vec<String> {
    let batch = e.telefono.build_batch(100).await.unwrap();
    batch.items().map(|(_, json)| json.to_owned()).collect()
}

async fn item(e: &mut Fixture) -> Value {
    let items = items(e).await;
    assert_eq!(items.len(), 1);
    serde_json::from_str(&items[0]).unwrap()
}

#[tokio::test]
async fn an_edit_before_the_first_batch_is_part_of_the_creation() {
    let mut e = Fixture::new().await;
    let uuid = e.telefono.create(sample_contenido()).await.unwrap();
    e.telefono.edit(&uuid, titulo("Planchón")).await.unwrap();
    let esperado = json!({"uuid_cliente": uuid, "titulo": "Planchón", "descripcion": "suelta",
        "area_id": 1, "severidad_id": 3, "ubicacion": null, "multimedia": null,
        "hora_creado": "2026-03-01T14:00:00.000Z", "device_id": "moto-1"});
    assert_eq!(item(&mut e).await, esperado);
}

#[tokio::test]
async fn a_phone_that_dies_after_freezing_sends_the_same_bytes() {
    let mut e = Fixture::new().await;
    let uuid = e.telefono.create(sample_contenido()).await.unwrap();
    let antes = items(&mut e).await;
    e.restart().await;
    assert_eq!(items(&mut e).await, antes);
    // The answer was lost and its owner goes on writing: still the same bytes.
    e.telefono.edit(&uuid, titulo("Otro")).await.unwrap();
    assert_eq!(items(&mut e).await, antes);
    let propio = e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
    assert_eq!(propio.contenido.titulo, "Otro");
    e.respond(&created(&uuid, 7)).await;
    let despues = item(&mut e).await;
    assert_eq!(despues["titulo"], "Otro");
    assert_eq!(despues["version_base"], 1);
    e.respond(&json!({"uuid_cliente": uuid, "resultado": "actualizado", "id": 7, "version": 2}))
        .await;
    let propio = e.telefono.own_reporte(&uuid).await.unwrap().unwrap();
    assert_eq!(
        (propio.version, propio.estado),
        (Some(2), QueueState::Entregado)
    );
    let ledger = e.telefono.ledger().await.unwrap();
    let done_all: Vec<_> = ledger
        .iter()
        .map(|a| (a.resultado.as_str(), a.version))
        .collect();
    assert_eq!(done_all, [("creado", 1), ("actualizado", 2)]);
    assert_eq!(ledger[0].sha256_contenido, sample_contenido().sha256());
}

#[tokio::test]
async fn an_edit_taken_back_is_not_sent() {
    let mut e = Fixture::new().await;
    let uuid = e.acked_reporte(7).await;
    e.telefono.edit(&uuid, titulo("Otro")).await.unwrap();
    e.telefono.edit(&uuid, titulo("Roca")).await.unwrap();
    assert_eq!(e.telefono.pending_count().await.unwrap(), 1);
    assert!(items(&mut e).await.is_empty());
    assert_eq!(e.telefono.pending_count().await.unwrap(), 0);
}

#[tokio::test]
async fn the_answer_to_a_batch_sent_twice_counts_once() {
    let mut e = Fixture::new().await;
    let uuid = e.telefono.create(sample_contenido()).await.unwrap();
    let batch = e.telefono.build_batch(10).await.unwrap();
    let r = batch_results(&json!([created(&uuid, 7)]));
    assert_eq!(e.telefono.apply(&batch, &r).await.unwrap().salieron, 1);
    e.telefono.edit(&uuid, titulo("Otro")).await.unwrap();
    let segundo = e.telefono.build_batch(10).await.unwrap();
    // The twin's answer is late: the edit en vuelo is not what it answers.
    assert_eq!(
        e.telefono.apply(&batch, &r).await.unwrap().ya_respondidos,
        1
    );
    assert_eq!(e.telefono.ledger().await.unwrap().len(), 1);
    let otra_vez = e.telefono.build_batch(10).await.unwrap();
    assert!(otra_vez.items().eq(segundo.items()));
}

#[tokio::test]
async fn what_is_no_answer_to_this_batch_changes_nothing() {
    let mut e = Fixture::new().await;
    let (uno, dos) = (
        e.telefono.create(sample_contenido()).await.unwrap(),
        e.telefono.create(sample_contenido()).await.unwrap(),
    );
    let batch = e.telefono.build_batch(10).await.unwrap();
    let sin_version = json!({"uuid_cliente": dos, "resultado": "creado", "id": 8});
    let inventado = json!({"uuid_cliente": dos, "resultado": "quizás", "id": 8, "version": 1});
    for lista in [
        json!([]),
        json!([created(&uno, 7)]),
        json!([created(&dos, 8), created(&uno, 7)]),
        json!([created(&uno, 7), created(&dos, 8), created(&dos, 8)]),
        json!([created(&uno, 7), sin_version]),
        json!([created(&uno, 7), inventado]),
        json!("hola"),
    ] {
        let r = e.telefono.apply(&batch, &batch_results(&lista)).await;
        assert!(matches!(r, Err(Error::SinRespuesta(_))), "{lista}: {r:?}");
    }
    let portal = ApiResponse {
        status: 200,
        cuerpo: b"<html>Acepte los terminos</html>".to_vec(),
        ..ApiResponse::default()
    };
    let r = e.telefono.apply(&batch, &portal).await;
    assert!(matches!(r, Err(Error::SinRespuesta(_))));
    assert_eq!(e.telefono.pending_count().await.unwrap(), 2);
    assert!(e.telefono.ledger().await.unwrap().is_empty());
}

#[tokio::test]
async fn half_a_batch_leaves_the_rest_in_order() {
    let mut e = Fixture::new().await;
    let mut uuids = Vec::new();
    for _ in 0..4 {
        uuids.push(e.telefono.create(sample_contenido()).await.unwrap());
    }
    let batch = e.telefono.build_batch(10).await.unwrap();
    let mitad = batch.slice(2..4).unwrap();
    let r = batch_results(&json!([created(&uuids[2], 3), created(&uuids[3], 4)]));
    assert_eq!(e.telefono.apply(&mitad, &r).await.unwrap().salieron, 2);
    let quedan = e.telefono.build_batch(10).await.unwrap();
    assert!(quedan.items().eq(batch.items().take(2)));
    assert_eq!((batch.cabeza.pendientes, mitad.cabeza.pendientes), (0, 2));
}

#[tokio::test]
async fn a_refusal_for_now_goes_behind_the_others() {
    let mut e = Fixture::new().await;
    let uno = e.telefono.create(sample_contenido()).await.unwrap();
    let error = problema(503, "no_disponible");
    e.respond(&json!({"uuid_cliente": uno, "resultado": "rechazado", "error": error}))
        .await;
    let dos = e.telefono.create(sample_contenido()).await.unwrap();
    let batch = e.telefono.build_batch(10).await.unwrap();
    let orden: Vec<_> = batch.items().map(|(uuid, _)| uuid).collect();
    assert_eq!(orden, [dos, uno]);
}
