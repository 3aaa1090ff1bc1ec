use serde_json::{Value, json};

use crate::{
    Error, Estado, Respuesta,
    pruebas::{Escena, creado, problema, resultados, roca, titulo},
};

/// The items of the next batch, as text.
async fn items(e: &mut Escena) -> Vec<String> {
    let lote = e.telefono.arma_lote(100).await.unwrap();
    lote.items().map(|(_, json)| json.to_owned()).collect()
}

async fn item(e: &mut Escena) -> Value {
    let items = items(e).await;
    assert_eq!(items.len(), 1);
    serde_json::from_str(&items[0]).unwrap()
}

#[tokio::test]
async fn an_edit_before_the_first_batch_is_part_of_the_creation() {
    let mut e = Escena::nueva().await;
    let uuid = e.telefono.crear(roca()).await.unwrap();
    e.telefono.editar(&uuid, titulo("Planchón")).await.unwrap();
    let esperado = json!({"uuid_cliente": uuid, "titulo": "Planchón", "descripcion": "suelta",
        "area_id": 1, "severidad_id": 3, "ubicacion": null, "multimedia": null,
        "hora_creado": "2026-03-01T14:00:00.000Z", "device_id": "moto-1"});
    assert_eq!(item(&mut e).await, esperado);
}

#[tokio::test]
async fn a_phone_that_dies_after_freezing_sends_the_same_bytes() {
    let mut e = Escena::nueva().await;
    let uuid = e.telefono.crear(roca()).await.unwrap();
    let antes = items(&mut e).await;
    e.reinicia().await;
    assert_eq!(items(&mut e).await, antes);
    // The answer was lost and its owner goes on writing: still the same bytes.
    e.telefono.editar(&uuid, titulo("Otro")).await.unwrap();
    assert_eq!(items(&mut e).await, antes);
    let propio = e.telefono.propio(&uuid).await.unwrap().unwrap();
    assert_eq!(propio.contenido.titulo, "Otro");
    e.responde(&creado(&uuid, 7)).await;
    let despues = item(&mut e).await;
    assert_eq!(despues["titulo"], "Otro");
    assert_eq!(despues["version_base"], 1);
    e.responde(&json!({"uuid_cliente": uuid, "resultado": "actualizado", "id": 7, "version": 2}))
        .await;
    let propio = e.telefono.propio(&uuid).await.unwrap().unwrap();
    assert_eq!(
        (propio.version, propio.estado),
        (Some(2), Estado::Entregado)
    );
    let libro = e.telefono.libro().await.unwrap();
    let hechos: Vec<_> = libro
        .iter()
        .map(|a| (a.resultado.as_str(), a.version))
        .collect();
    assert_eq!(hechos, [("creado", 1), ("actualizado", 2)]);
    assert_eq!(libro[0].sha256_contenido, roca().sha256());
}

#[tokio::test]
async fn an_edit_taken_back_is_not_sent() {
    let mut e = Escena::nueva().await;
    let uuid = e.entregado(7).await;
    e.telefono.editar(&uuid, titulo("Otro")).await.unwrap();
    e.telefono.editar(&uuid, titulo("Roca")).await.unwrap();
    assert_eq!(e.telefono.pendientes().await.unwrap(), 1);
    assert!(items(&mut e).await.is_empty());
    assert_eq!(e.telefono.pendientes().await.unwrap(), 0);
}

#[tokio::test]
async fn the_answer_to_a_batch_sent_twice_counts_once() {
    let mut e = Escena::nueva().await;
    let uuid = e.telefono.crear(roca()).await.unwrap();
    let lote = e.telefono.arma_lote(10).await.unwrap();
    let r = resultados(&json!([creado(&uuid, 7)]));
    assert_eq!(e.telefono.aplica(&lote, &r).await.unwrap().salieron, 1);
    e.telefono.editar(&uuid, titulo("Otro")).await.unwrap();
    let segundo = e.telefono.arma_lote(10).await.unwrap();
    // The twin's answer is late: the edit en vuelo is not what it answers.
    assert_eq!(
        e.telefono.aplica(&lote, &r).await.unwrap().ya_respondidos,
        1
    );
    assert_eq!(e.telefono.libro().await.unwrap().len(), 1);
    let otra_vez = e.telefono.arma_lote(10).await.unwrap();
    assert!(otra_vez.items().eq(segundo.items()));
}

#[tokio::test]
async fn what_is_no_answer_to_this_batch_changes_nothing() {
    let mut e = Escena::nueva().await;
    let (uno, dos) = (
        e.telefono.crear(roca()).await.unwrap(),
        e.telefono.crear(roca()).await.unwrap(),
    );
    let lote = e.telefono.arma_lote(10).await.unwrap();
    let sin_version = json!({"uuid_cliente": dos, "resultado": "creado", "id": 8});
    let inventado = json!({"uuid_cliente": dos, "resultado": "quizás", "id": 8, "version": 1});
    for lista in [
        json!([]),
        json!([creado(&uno, 7)]),
        json!([creado(&dos, 8), creado(&uno, 7)]),
        json!([creado(&uno, 7), creado(&dos, 8), creado(&dos, 8)]),
        json!([creado(&uno, 7), sin_version]),
        json!([creado(&uno, 7), inventado]),
        json!("hola"),
    ] {
        let r = e.telefono.aplica(&lote, &resultados(&lista)).await;
        assert!(matches!(r, Err(Error::SinRespuesta(_))), "{lista}: {r:?}");
    }
    let portal = Respuesta {
        status: 200,
        cuerpo: b"<html>Acepte los terminos</html>".to_vec(),
        ..Respuesta::default()
    };
    let r = e.telefono.aplica(&lote, &portal).await;
    assert!(matches!(r, Err(Error::SinRespuesta(_))));
    assert_eq!(e.telefono.pendientes().await.unwrap(), 2);
    assert!(e.telefono.libro().await.unwrap().is_empty());
}

#[tokio::test]
async fn half_a_batch_leaves_the_rest_in_order() {
    let mut e = Escena::nueva().await;
    let mut uuids = Vec::new();
    for _ in 0..4 {
        uuids.push(e.telefono.crear(roca()).await.unwrap());
    }
    let lote = e.telefono.arma_lote(10).await.unwrap();
    let mitad = lote.parte(2..4).unwrap();
    let r = resultados(&json!([creado(&uuids[2], 3), creado(&uuids[3], 4)]));
    assert_eq!(e.telefono.aplica(&mitad, &r).await.unwrap().salieron, 2);
    let quedan = e.telefono.arma_lote(10).await.unwrap();
    assert!(quedan.items().eq(lote.items().take(2)));
    assert_eq!((lote.cabeza.pendientes, mitad.cabeza.pendientes), (0, 2));
}

#[tokio::test]
async fn a_refusal_for_now_goes_behind_the_others() {
    let mut e = Escena::nueva().await;
    let uno = e.telefono.crear(roca()).await.unwrap();
    let error = problema(503, "no_disponible");
    e.responde(&json!({"uuid_cliente": uno, "resultado": "rechazado", "error": error}))
        .await;
    let dos = e.telefono.crear(roca()).await.unwrap();
    let lote = e.telefono.arma_lote(10).await.unwrap();
    let orden: Vec<_> = lote.items().map(|(uuid, _)| uuid).collect();
    assert_eq!(orden, [dos, uno]);
}
